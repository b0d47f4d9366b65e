"""The harness's client of a fleet of nodes (docs/control-api.md, "Nodes")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.contenders.control import FleetControl


class Census(msgspec.Struct, frozen=True):
    """One node's figures, as its fleet tells them."""

    id: str
    age_s: float
    joined: bool
    neighbours: int
    entries: int
    sent: int
    sent_bytes: int
    received: int
    dropped: int
    refused: int

    @staticmethod
    def newborn(id: str) -> Census:
        """Of a node that has not done anything yet."""
        return Census(id, 0.0, False, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Cost:
    """What nodes sent on behalf of one lookup."""

    messages: int = 0
    bytes: int = 0

    def plus(self, messages: int, size: int) -> Cost:
        """With so much more."""
        return Cost(self.messages + messages, self.bytes + size)


class NodesControl(FleetControl):
    """One fleet of nodes. Every method raises SwarmbenchError."""

    async def add_nodes(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Make these nodes; they begin to enter the network at once."""
        await self._ask("POST", "/nodes", json={"nodes": list(specs)})

    async def waiting(self) -> int:
        """How many nodes are not yet part of the network."""
        answer = await self._ask("GET", "/nodes")
        return int(answer["nodes"]) - int(answer["joined"])

    async def provide(self, items: Sequence[Mapping[str, str | int]]) -> None:
        """Let nodes have items from now on."""
        await self._ask("POST", "/nodes/provide", json={"items": list(items)})

    async def remove_nodes(self, ids: Sequence[str], *, abrupt: bool) -> None:
        """Let these nodes be gone, all at once."""
        await self._ask("POST", "/nodes/remove", json={"ids": list(ids), "abrupt": abrupt})

    async def census(self) -> list[Census]:
        """The figures of every node."""
        return msgspec.convert((await self._ask("GET", "/nodes/census"))["nodes"], list[Census])

    async def costs(self) -> Mapping[str, tuple[int, int]]:
        """Messages and bytes that its nodes sent for each lookup so far."""
        return msgspec.convert((await self._ask("GET", "/costs"))["lookups"], dict[str, tuple[int, int]])
