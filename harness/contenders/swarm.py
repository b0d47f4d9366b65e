"""The swarm: a tracker and a seed (p2p_node) on the origin's host, and nodes on the peers' hosts."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.readiness import until_done, until_says
from harness.labs.base import Process

TRACKER_PORT = 6969
SEED_PORT = 6881

NODE = (sys.executable, "-m", "p2p_node")


class SwarmContender:
    """Everybody downloads from everybody, starting from one seed."""

    name = "swarm"
    summary = "a BitTorrent swarm (p2p_node) with one seed and a tracker: peers serve what they already have"
    origin_is_server = False

    def unavailable(self) -> str | None:
        """It is part of this project, so it always runs."""
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start tracker, seed and nodes; raises SwarmbenchError when one does not come up."""
        return _deployed(stage)


@asynccontextmanager
async def _deployed(stage: Stage) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        torrent = stage.sockets / "item.torrent"
        tracker = await _start(
            stage, stack, "tracker", "track", "--address", stage.server.address, "--port", str(TRACKER_PORT)
        )
        await _create(stage, torrent)
        seed = await _start(stage, stack, "seed", *_seed_arguments(stage, torrent))
        fleets, peers = await start_fleets(stage, stack, lambda socket: [*NODE, "fleet", "--control", str(socket)])
        await until_says("the tracker", tracker, stage.logs / "tracker.log", "listening on")
        await until_says("the seed", seed, stage.logs / "seed.log", "seeding")
        points = await add_peers(
            stage, fleets, {"source": str(torrent), "sha256": None, "origin": stage.server.address}
        )
        yield Deployment(points, {"server": [tracker, seed], "peers": peers})


async def _start(stage: Stage, stack: AsyncExitStack, role: str, *arguments: str) -> Process:
    process = await stage.lab.start([*NODE, *arguments], log=stage.logs / f"{role}.log")
    stack.push_async_callback(process.stop)
    return process


async def _create(stage: Stage, torrent: Path) -> None:
    piece_size = str(stage.item.piece_size or "auto")
    announce = f"http://{stage.server.address}:{TRACKER_PORT}/announce"
    log = stage.logs / "create.log"
    process = await stage.lab.start(
        [
            *NODE,
            "create",
            str(stage.item.path),
            "--tracker",
            announce,
            "--piece-size",
            piece_size,
            "--out",
            str(torrent),
        ],
        log=log,
    )
    await until_done("p2p-node create", process, log)


def _seed_arguments(stage: Stage, torrent: Path) -> list[str]:
    arguments = ["seed", str(torrent), "--data", str(stage.item.path)]
    arguments += ["--address", stage.server.address, "--port", str(SEED_PORT)]
    if not stage.lab.shapes_links:
        arguments += ["--upload-rate", str(int(stage.server.up))]
    return arguments
