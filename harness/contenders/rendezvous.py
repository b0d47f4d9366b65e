"""How the peers of a swarm come to know each other: by a tracker, or by a network that they form themselves."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.contenders.base import Stage
from harness.contenders.readiness import until_says
from harness.labs.base import Process
from harness.results.roles import Role

TRACKER_PORT = 6969

NODE = (sys.executable, "-m", "p2p_node")


@dataclass(frozen=True, slots=True)
class Meeting:
    """A rendezvous in place: the trackers that the torrent is to name, in tiers' order, the processes behind it by
    role, and what waits until these answer."""

    trackers: Sequence[str] = ()
    processes: Mapping[Role, Sequence[Process]] = field(default_factory=dict)
    ready: Sequence[Callable[[], Awaitable[None]]] = ()


Rendezvous: TypeAlias = Callable[[Stage, AsyncExitStack], Awaitable[Meeting]]
"""Starts what peers meet by, on a stage's hosts; the stack stops it. Raises SwarmbenchError."""


async def by_tracker(stage: Stage, stack: AsyncExitStack) -> Meeting:
    """One tracker on the origin's host."""
    log = stage.logs / "tracker.log"
    command = [*NODE, "track", "--address", stage.server.address, "--port", str(TRACKER_PORT)]
    tracker = await stage.lab.start(command, log=log)
    stack.push_async_callback(tracker.stop)
    return Meeting(
        [f"http://{stage.server.address}:{TRACKER_PORT}/announce"],
        {Role.SERVER: [tracker]},
        [lambda: until_says("the tracker", tracker, log, "listening on")],
    )


async def by_themselves(_stage: Stage, _stack: AsyncExitStack) -> Meeting:
    """Nothing but the peers: the torrent names no tracker."""
    return Meeting()
