"""How every BitTorrent contender is deployed: one tracker and torrent for all, a seed and fleets by each."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.readiness import until_done, until_says
from harness.labs.base import Process

TRACKER_PORT = 6969
SEED_PORT = 6881

NODE = (sys.executable, "-m", "p2p_node")


@dataclass(frozen=True, slots=True)
class Commands:
    """A contender's own part: its commands for the seed of a torrent, and for the fleet at a control socket.

    The seed says a line that begins with `seeding` once every byte it has is checked.
    """

    seed: Callable[[Stage, Path], Sequence[str]]
    fleet: Callable[[Stage, Path], Sequence[str]]


@asynccontextmanager
async def deployed_swarm(stage: Stage, commands: Commands) -> AsyncIterator[Deployment]:
    """Tracker, seed and peers in place. Raises SwarmbenchError when one does not come up."""
    async with AsyncExitStack() as stack:
        torrent = stage.sockets / "item.torrent"
        track = [*NODE, "track", "--address", stage.server.address, "--port", str(TRACKER_PORT)]
        tracker = await _start(stage, stack, "tracker", track)
        await _create(stage, torrent)
        seed = await _start(stage, stack, "seed", commands.seed(stage, torrent))
        fleets, peers = await start_fleets(stage, stack, lambda socket: commands.fleet(stage, socket))
        await until_says("the tracker", tracker, stage.logs / "tracker.log", "listening on")
        await until_says("the seed", seed, stage.logs / "seed.log", "seeding")
        points = await add_peers(
            stage, fleets, {"source": str(torrent), "sha256": None, "origin": stage.server.address}
        )
        yield Deployment(points, {"server": [tracker, seed], "peers": peers})


async def _start(stage: Stage, stack: AsyncExitStack, role: str, command: Sequence[str]) -> Process:
    process = await stage.lab.start(command, log=stage.logs / f"{role}.log")
    stack.push_async_callback(process.stop)
    return process


async def _create(stage: Stage, torrent: Path) -> None:
    announce = f"http://{stage.server.address}:{TRACKER_PORT}/announce"
    command = [*NODE, "create", str(stage.item.path), "--tracker", announce, "--out", str(torrent)]
    command += ["--piece-size", str(stage.item.piece_size or "auto")]
    log = stage.logs / "create.log"
    await until_done("p2p-node create", await stage.lab.start(command, log=log), log)
