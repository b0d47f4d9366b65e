"""How the peers of a swarm come to know each other: by a tracker, by supernodes, or by a network of their own."""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from harness.contenders.base import Stage
from harness.contenders.readiness import until_says
from harness.labs.base import Process
from harness.results.roles import Role

TRACKER_PORT = 6969

NODE = (sys.executable, "-m", "p2p_node")


@dataclass(frozen=True, slots=True)
class Meeting:
    """A rendezvous in place: the trackers that the torrent is to name, in tiers (BEP 12), the processes behind it by
    role, and what waits until these answer."""

    tiers: Sequence[Sequence[str]] = ()
    processes: Mapping[Role, Sequence[Process]] = field(default_factory=dict)
    ready: Sequence[Callable[[], Awaitable[None]]] = ()


Rendezvous: TypeAlias = Callable[[Stage, AsyncExitStack], Awaitable[Meeting]]
"""Starts what peers meet by, on a stage's hosts; the stack stops it. Raises SwarmbenchError."""


async def by_tracker(stage: Stage, stack: AsyncExitStack) -> Meeting:
    """One tracker on the origin's host."""
    log = stage.logs / "tracker.log"
    command = [*NODE, "track", "--address", stage.server.address, "--port", str(TRACKER_PORT)]
    command += stage.telling(Role.SERVER, "tracker")
    tracker = await stage.lab.start(command, log=log)
    stack.push_async_callback(tracker.stop)
    return Meeting(
        [[f"http://{stage.server.address}:{TRACKER_PORT}/announce"]],
        {Role.SERVER: [tracker]},
        [lambda: until_says("the tracker", tracker, log, "listening on")],
    )


async def by_supernodes(stage: Stage, stack: AsyncExitStack) -> Meeting:
    """As many of the peers' hosts as the root of their number serve the others as supernodes, each on its own link;
    every client draws the one it turns to, and the next where that fails."""
    hosts = stage.peers[: supernode_count(len(stage.peers))]
    processes: list[Process] = []
    ready: list[Callable[[], Awaitable[None]]] = []
    for number, host in enumerate(hosts):
        log = stage.logs / f"supernode-{number}.log"
        command = [*NODE, "supernode", "--address", host.address, "--port", str(TRACKER_PORT)]
        command += [word for other in hosts[:number] for word in ("--peer", f"{other.address}:{TRACKER_PORT}")]
        command += stage.telling(Role.PEERS, f"supernode-{number}")
        process = await stage.lab.start(command, log=log)
        stack.push_async_callback(process.stop)
        processes.append(process)
        ready.append(partial(until_says, f"supernode {number}", process, log, "in the mesh"))
    tier = [f"udp://{host.address}:{TRACKER_PORT}/announce" for host in hosts]
    return Meeting([tier], {Role.PEERS: processes}, ready)


def supernode_count(nodes: int) -> int:
    """How many of that many nodes are supernodes: with √n each has as many leaves as there are others like it."""
    return math.ceil(math.sqrt(nodes))


async def by_themselves(_stage: Stage, _stack: AsyncExitStack) -> Meeting:
    """Nothing but the peers: the torrent names no tracker."""
    return Meeting()
