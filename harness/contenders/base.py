"""The seam between the harness and what is compared.

A contender deploys its roles – server, tracker, seed, peers – on the hosts of a lab, as commands, and says where each
peer's fetch is asked for: a control socket (docs/control-api.md). It knows nothing of demand, metrics or results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.labs.base import Host, Lab, Process
from harness.results.roles import Role


@dataclass(frozen=True, slots=True)
class Item:
    """The content to deliver: a real file, its size in bytes and its SHA-256 in hex."""

    path: Path
    size: int
    sha256: str
    piece_size: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a contender plays one step: a lab, the origin's host, the peers' hosts, the item, and room for files."""

    lab: Lab
    server: Host
    peers: Sequence[Host]
    item: Item
    scratch: Path
    """An empty directory for downloads; removed after the step."""
    sockets: Path
    """An empty directory with a short path, as a Unix socket's has at most 107 bytes; removed after the step."""
    logs: Path
    seed: int
    prewritten: bool = False
    """Whether each peer's file is to exist in full size, with other content, before the peer fetches."""
    overheard: bool = False
    """Whether somebody reads the `/metrics` of processes other than fleets."""

    def cap(self, rate: float) -> float | None:
        """The rate a contender has to hold one of its hosts to by itself; None where the lab does, or none is set."""
        return None if self.lab.shapes_links or math.isinf(rate) else rate

    def telling(self, role: Role, name: str) -> list[str]:
        """The option by which a process of ours is told to serve its `/metrics`; none if nobody reads them."""
        return ["--metrics-socket", str(self.sockets / f"{role}-{name}.sock")] if self.overheard else []

    def endpoints(self, role: Role) -> list[Path]:
        """The Unix sockets at which processes of a role do so by now."""
        return sorted(self.sockets.glob(f"{role}-*.sock"))


@dataclass(frozen=True, slots=True)
class FetchPoint:
    """How one peer is asked to fetch the item: POST `body` to `/peers/{peer}/fetch` on the control socket."""

    host: str
    control: Path
    peer: str
    body: Mapping[str, str | None]
    directory: Path
    spec: Mapping[str, str | float | None]
    """The body of the `POST /peers` that made the peer, with which it can be made anew."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contender in place: who can be asked to fetch, and the processes by role (`server`, `peers`) to be metered."""

    fetch_points: Sequence[FetchPoint]
    processes: Mapping[str, Sequence[Process]]


class Contender(Protocol):
    """One system under comparison."""

    name: str
    summary: str
    """One line for people: what it is."""
    origin_is_server: bool
    """True for client-server systems, whose bound is the server's uplink; false for swarms."""

    def unavailable(self) -> str | None:
        """Why it cannot run here and the command that would mend it, or None."""
        ...

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start every role and wait until all are ready; stop them all on exit. Raises SwarmbenchError."""
        ...
