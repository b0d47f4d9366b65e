"""The peers' side of every contender, alike for all so that none is favoured: fleet processes and the peers in them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
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


def fleet_count(peers: int) -> int:
    """How many fleet processes host that many peers."""
    return max(min(MIN_FLEETS, peers), math.ceil(peers / PEERS_PER_FLEET))


async def start_fleets(
    stage: Stage, stack: AsyncExitStack, command: Callable[[Path], Sequence[str]]
) -> tuple[list[FleetControl], list[Process]]:
    """Start the fleets, `command(socket)` each, all at once, and wait until they answer; the stack stops them."""
    started: list[tuple[FleetControl, Process, Path]] = []
    for index in range(fleet_count(len(stage.peers))):
        log = stage.logs / f"fleet-{index}.log"
        control = await stack.enter_async_context(FleetControl(stage.sockets / f"fleet-{index}.sock"))
        process = await stage.lab.start(command(control.socket), log=log)
        stack.push_async_callback(process.stop)
        started.append((control, process, log))
    for control, process, log in started:
        await until_ready(f"fleet {control.socket.stem}", process, log, control.healthy)
    return [control for control, _, _ in started], [process for _, process, _ in started]


async def add_peers(stage: Stage, fleets: Sequence[FleetControl], body: dict[str, str | None]) -> list[FetchPoint]:
    """One idle peer on every peer's host, spread evenly over the fleets."""
    points = []
    for index, host in enumerate(stage.peers):
        fleet = fleets[index % len(fleets)]
        directory = stage.scratch / host.name
        await asyncio.to_thread(prepare, directory, stage.item, prewritten=stage.prewritten)
        spec = _spec(stage, host, directory)
        await fleet.add_peer(spec)
        points.append(FetchPoint(host.name, fleet.socket, host.name, body, directory, spec))
    return points


def _spec(stage: Stage, host: Host, directory: Path) -> dict[str, str | float | None]:
    return {
        "id": host.name,
        "address": host.address,
        "directory": str(directory),
        "upload_rate": stage.cap(host.up),
        "download_rate": stage.cap(host.down),
    }
