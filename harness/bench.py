"""The bench: what all steps of a run share, set up before the first and gone after the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from harness.contenders.base import Item
from harness.contenders.item import make_item
from harness.contenders.scratch import Scratch, scratch
from harness.labs.base import SERVER, Host, HostSpec, Lab
from harness.labs.calibration import peers_needed
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Bench:
    """The lab with its hosts – at least as many peers as any step needs –, the item, and room for files."""

    scenario: Scenario
    lab: Lab
    server: Host
    peers: Sequence[Host]
    item: Item
    room: Scratch

    @property
    def hosts(self) -> list[Host]:
        """The server's host and the peers'."""
        return [self.server, *self.peers]


@asynccontextmanager
async def set_up(scenario: Scenario, lab: Lab) -> AsyncIterator[Bench]:
    """Lay out the hosts and make the item; all of it is gone afterwards. Raises SwarmbenchError."""
    with scratch(scenario.content.size * (1 + max(scenario.peers))) as room:
        async with lab:
            server, *peers = await lab.lay_out(_host_specs(scenario), delay=scenario.links.delay)
            item = await asyncio.to_thread(
                make_item,
                room.payload / "item",
                size=scenario.content.size,
                piece_size=scenario.content.piece_size,
                seed=scenario.seed,
            )
            yield Bench(scenario, lab, server, peers, item, room)


def _host_specs(scenario: Scenario) -> list[HostSpec]:
    """The server, and as many peers as the largest step, or calibration, needs."""
    up_down = scenario.links.peer
    server = HostSpec(SERVER, scenario.links.server.up, scenario.links.server.down)
    peers = [HostSpec(f"peer-{number:03}", up_down.up, up_down.down) for number in range(1, max(scenario.peers) + 1)]
    spare = 0 if scenario.links.unlimited else peers_needed(server, peers[0]) - len(peers)
    return [
        server,
        *peers,
        *(HostSpec(f"spare-{number:03}", up_down.up, up_down.down) for number in range(1, spare + 1)),
    ]
