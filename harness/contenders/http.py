"""The central servers: one on the origin's host, and on the peers' hosts clients that download from it alone."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.origins import PORT, Origin

FETCHER = (sys.executable, "-m", "harness.contenders.fetcher")


@dataclass(slots=True)
class CentralContender:
    """Everybody downloads from one HTTP server, with the fetcher's own client or a program it runs."""

    name: str
    summary: str
    origin: Origin
    program: str | None = None
    """The client program, which is also its package's name; None for the fetcher's own client."""
    origin_is_server: bool = True

    def unavailable(self) -> str | None:
        """The command that installs what is missing."""
        if self.program is not None and shutil.which(self.program) is None:
            return f"{self.program} is missing; install it with: apt-get install {self.program}"
        return self.origin.unavailable()

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start the server and the fetchers; raises SwarmbenchError when one does not come up."""
        return _deployed(stage, self.origin, ["--client", self.program] if self.program else [])


@asynccontextmanager
async def _deployed(stage: Stage, origin: Origin, client: list[str]) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        server = await origin.start(stage)
        stack.push_async_callback(server.stop)
        fleets, peers = await start_fleets(stage, stack, lambda socket: [*FETCHER, "--control", str(socket), *client])
        await origin.until_ready(stage, server)
        source = f"http://{stage.server.address}:{PORT}/{stage.item.path.name}"
        points = await add_peers(stage, fleets, {"source": source, "sha256": stage.item.sha256})
        yield Deployment(points, {"server": [server], "peers": peers})
