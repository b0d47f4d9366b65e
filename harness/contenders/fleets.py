"""The peers' side of every contender, alike for all so that none is favoured: fleet processes and the peers in them."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path

from harness.contenders.base import FetchPoint, Stage
from harness.contenders.control import FleetControl
from harness.contenders.destination import prepare
from harness.contenders.readiness import until_ready
from harness.labs.base import Host, Process

PEERS_PER_FLEET = 32
"""As many peers as one event loop serves without becoming the bottleneck on the links emulated here."""

MIN_FLEETS = 2
"""From two peers on there are two processes, so that on two cores nobody's peers are bound to one."""

FLEETS_PER_CORE = 4
"""More processes than this cannot run at once; each would only cost the third of a second that its imports take."""


def fleet_count(peers: int, cores: int) -> int:
    """How many fleet processes host that many peers on a machine with so many cores."""
    return max(min(MIN_FLEETS, peers), min(math.ceil(peers / PEERS_PER_FLEET), FLEETS_PER_CORE * cores))


async def start_fleets(
    stage: Stage, stack: AsyncExitStack, command: Callable[[Path], Sequence[str]]
) -> tuple[list[FleetControl], list[Process]]:
    """Start the fleets, `command(socket)` each, all at once, and wait until they answer; the stack stops them, too."""
    started: list[tuple[FleetControl, Process, Path]] = []

    async def stop_all() -> None:
        await asyncio.gather(*(process.stop() for _, process, _ in started))

    stack.push_async_callback(stop_all)
    for index in range(fleet_count(len(stage.peers), len(os.sched_getaffinity(0)))):
        log = stage.logs / f"fleet-{index}.log"
        control = await stack.enter_async_context(FleetControl(stage.sockets / f"fleet-{index}.sock"))
        started.append((control, await stage.lab.start(command(control.socket), log=log), log))
    for control, process, log in started:
        await until_ready(f"fleet {control.socket.stem}", process, log, control.healthy)
    return [control for control, _, _ in started], [process for _, process, _ in started]


async def add_peers(stage: Stage, fleets: Sequence[FleetControl], body: dict[str, str | None]) -> list[FetchPoint]:
    """One idle peer on every peer's host, spread evenly over the fleets, which make theirs side by side."""
    await asyncio.to_thread(_prepare, stage)
    points = [
        FetchPoint(host.name, fleet.socket, host.name, body, stage.scratch / host.name, _spec(stage, host))
        for host, fleet in zip(stage.peers, cycle(fleets), strict=False)
    ]
    turns = [_add_in_turn(fleet, points[index :: len(fleets)]) for index, fleet in enumerate(fleets)]
    for failure in await asyncio.gather(*turns, return_exceptions=True):
        if failure is not None:
            raise failure
    return points


def _prepare(stage: Stage) -> None:
    for host in stage.peers:
        prepare(stage.scratch / host.name, stage.item, prewritten=stage.prewritten)


async def _add_in_turn(fleet: FleetControl, points: Sequence[FetchPoint]) -> None:
    for point in points:
        await fleet.add_peer(point.spec)


def _spec(stage: Stage, host: Host) -> dict[str, str | float | None]:
    return {
        "id": host.name,
        "address": host.address,
        "directory": str(stage.scratch / host.name),
        "upload_rate": stage.cap(host.up),
        "download_rate": stage.cap(host.down),
    }
