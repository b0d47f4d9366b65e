"""BitTorrent clients that people use, as they are packaged: one program for each peer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.swarms import SEED_PORT, Commands, deployed_swarm
from harness.errors import SwarmbenchError

COMMAND = (sys.executable, "-m", "harness.contenders.process_fleet")


class ProgramContender:
    """A swarm of one client program; subclasses name it."""

    name: str
    summary: str
    program: str
    package: str
    origin_is_server = False

    def unavailable(self) -> str | None:
        """The command that installs it where it is missing."""
        if shutil.which(self.program) is None:
            return f"{self.program} is missing; install it with: apt-get install {self.package}"
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start tracker, seed and programs; raises SwarmbenchError when one does not come up."""
        return deployed_swarm(stage, Commands(seed=self._seed, fleet=self._fleet))

    def _seed(self, stage: Stage, torrent: Path) -> list[str]:
        command = [*COMMAND, self.name, "seed", str(torrent), "--data", str(stage.item.path)]
        command += ["--address", stage.server.address, "--port", str(SEED_PORT)]
        rate = stage.cap(stage.server.up)
        return [*command, "--upload-rate", str(int(rate))] if rate else command

    def _fleet(self, _stage: Stage, socket: Path) -> list[str]:
        return [*COMMAND, self.name, "fleet", "--control", str(socket)]


class Aria2Contender(ProgramContender):
    """aria2c."""

    name = "aria2"
    summary = "a swarm of aria2c processes, with the same tracker and torrent as the swarm"
    program = "aria2c"
    package = "aria2"


class TransmissionContender(ProgramContender):
    """transmission-daemon, which takes peers on 127.x for impossible."""

    name = "transmission"
    summary = "a swarm of transmission-daemon processes, with the same tracker and torrent as the swarm"
    program = "transmission-daemon"
    package = "transmission-daemon"

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Like the others; raises SwarmbenchError in the loopback lab."""
        return _refused() if stage.server.address.startswith("127.") else super().deploy(stage)


@asynccontextmanager
async def _refused() -> AsyncIterator[Deployment]:
    raise SwarmbenchError("transmission ignores peers on 127.x.y.z; use --lab namespace")
    yield
