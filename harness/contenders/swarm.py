"""The swarm: a tracker and a seed (p2p_node) on the origin's host, and nodes on the peers' hosts."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.swarms import NODE, SEED_PORT, Commands, deployed_swarm


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
        return deployed_swarm(stage, Commands(seed=_seed, fleet=_fleet))


def _seed(stage: Stage, torrent: Path) -> list[str]:
    command = [*NODE, "seed", str(torrent), "--data", str(stage.item.path)]
    command += ["--address", stage.server.address, "--port", str(SEED_PORT)]
    rate = stage.cap(stage.server.up)
    return [*command, "--upload-rate", str(int(rate))] if rate else command


def _fleet(_stage: Stage, socket: Path) -> list[str]:
    return [*NODE, "fleet", "--control", str(socket)]
