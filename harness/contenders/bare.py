"""The bare loop: what receiving, hashing and storing cost with no protocol at all."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.swarms import Commands, deployed_swarm

COMMAND = (sys.executable, "-m", "harness.contenders.bare_fleet")


class BareContender:
    """Everybody is sent the item over a plain connection; it needs unlimited links, for it keeps to no rate."""

    name = "bare"
    summary = "no protocol: a plain stream, hashed and stored; a measure of cost, for unlimited links"
    origin_is_server = True

    def unavailable(self) -> str | None:
        """It is part of this project, so it always runs."""
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start sender and receivers; raises SwarmbenchError when one does not come up."""
        return deployed_swarm(stage, Commands(seed=_serve, fleet=_fleet))


def _serve(stage: Stage, _torrent: Path) -> list[str]:
    return [*COMMAND, "serve", str(stage.item.path), "--address", stage.server.address]


def _fleet(_stage: Stage, socket: Path) -> list[str]:
    return [*COMMAND, "fleet", "--control", str(socket)]
