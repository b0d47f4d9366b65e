"""libtorrent, the C++ library behind the most used clients, as the reference that a swarm has to beat."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.swarms import SEED_PORT, Commands, deployed_swarm

COMMAND = (sys.executable, "-m", "harness.contenders.libtorrent_fleet")

FAST_QUEUE, SLOW_QUEUE = 1500, 16
"""Blocks asked of one peer: what kept it fastest without links, and most even on links of some Mbit/s."""
FAST = 100e6 / 8
"""Bytes per second from which on a link counts as fast: 16 blocks are 20 ms of it."""

UNCHOKE_INTERVAL_S = 2
"""Seconds of a choke round, its default being long beside a transfer; with all peers unchoked the best of ADR 0028."""


class LibtorrentContender:
    """A swarm of libtorrent sessions, set up as well as we know."""

    name = "libtorrent"
    summary = "a swarm of libtorrent (C++), tuned, with the same tracker and torrent as the swarm"
    origin_is_server = False

    def unavailable(self) -> str | None:
        """The command that installs it where it is missing."""
        if importlib.util.find_spec("libtorrent") is None:
            return "the libtorrent module is missing; install it with: pip install 'libtorrent>=2.1'"
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start tracker, seed and sessions; raises SwarmbenchError when one does not come up."""
        return deployed_swarm(stage, Commands(seed=_seed, fleet=_fleet))


def _seed(stage: Stage, torrent: Path) -> list[str]:
    command = [*COMMAND, "seed", str(torrent), "--data", str(stage.item.path)]
    command += ["--address", stage.server.address, "--port", str(SEED_PORT), *_tuning(stage)]
    rate = stage.cap(stage.server.up)
    return [*command, "--upload-rate", str(int(rate))] if rate else command


def _fleet(stage: Stage, socket: Path) -> list[str]:
    return [*COMMAND, "fleet", "--control", str(socket), *_tuning(stage)]


def _tuning(stage: Stage) -> list[str]:
    queue = FAST_QUEUE if min(peer.down for peer in stage.peers) >= FAST else SLOW_QUEUE
    return ["--request-queue", str(queue), "--unchoke-interval", str(UNCHOKE_INTERVAL_S)]
