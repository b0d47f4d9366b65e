"""The central server: baseline_server on the origin's host, and fetchers on the peers' hosts."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.readiness import until_says

PORT = 8080


class HttpContender:
    """Everybody downloads from one HTTP server."""

    name = "http"
    summary = "a central HTTP server (baseline_server): every byte comes from its uplink"
    origin_is_server = True

    def unavailable(self) -> str | None:
        """It is part of this project, so it always runs."""
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start the server and the fetchers; raises SwarmbenchError when one does not come up."""
        return _deployed(stage)


@asynccontextmanager
async def _deployed(stage: Stage) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        log = stage.logs / "server.log"
        server = await stage.lab.start(_server_command(stage), log=log)
        stack.push_async_callback(server.stop)
        fleets, peers = await start_fleets(
            stage, stack, lambda socket: [sys.executable, "-m", "harness.contenders.fetcher", "--control", str(socket)]
        )
        await until_says("the HTTP server", server, log, "listening on")
        source = f"http://{stage.server.address}:{PORT}/{stage.item.path.name}"
        points = await add_peers(stage, fleets, {"source": source, "sha256": stage.item.sha256})
        yield Deployment(points, {"server": [server], "peers": peers})


def _server_command(stage: Stage) -> list[str]:
    command = [sys.executable, "-m", "baseline_server", "--root", str(stage.item.path.parent)]
    command += ["--address", stage.server.address, "--port", str(PORT)]
    rate = stage.cap(stage.server.up)
    return [*command, "--rate", str(int(rate))] if rate else command
