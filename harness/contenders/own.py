"""A contender that a person brought along: their server on the origin's host, their client on each peer's."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.readiness import until_ready
from harness.errors import SwarmbenchError
from harness.labs.keeper import module_argv
from harness.results.roles import Role
from harness.scenarios.model import OwnContender
from harness.scenarios.own import filled


class CommandContender:
    """Everybody downloads from one server; both ends are commands."""

    origin_is_server = True

    def __init__(self, own: OwnContender) -> None:
        self.name = own.name
        self.summary = f"brought along: {own.serve}"
        self._own = own

    def unavailable(self) -> str | None:
        """Which of its programs is missing, and how to get it."""
        for template in (self._own.serve, self._own.fetch):
            program = shlex.split(template)[0]
            if shutil.which(program) is None:
                how = f"install it with: {self._own.install}" if self._own.install else "install it, or mend its path"
                return f"{program} is missing; {how}"
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start the server and the fleets; raises SwarmbenchError when one does not come up."""
        return _deployed(self._own, stage)


@asynccontextmanager
async def _deployed(own: OwnContender, stage: Stage) -> AsyncIterator[Deployment]:
    if stage.cap(stage.server.up) is not None:
        raise SwarmbenchError(f"{own.name} keeps to no rate where the lab does not shape links; use --lab namespace")
    name, address = stage.item.path.name, stage.server.address
    async with AsyncExitStack() as stack:
        log = stage.logs / "server.log"
        paths = {"file": stage.item.path, "directory": stage.item.path.parent}
        command = filled(own.serve, {"address": address, "port": own.port, "name": name, **paths})
        server = await stage.lab.start(command, log=log)
        stack.push_async_callback(server.stop)
        fleet = module_argv("harness.contenders.command_fleet")
        fixed = ["--fetch", own.fetch, "--server", address, "--port", str(own.port)]
        fleets, peers = await start_fleets(stage, stack, lambda socket: [*fleet, "--control", str(socket), *fixed])
        waiting = await stage.lab.start(
            module_argv("harness.contenders.listening", address, str(own.port)), log=stage.logs / "listening.log"
        )
        stack.push_async_callback(waiting.stop)

        async def listening() -> bool:
            return waiting.returncode == 0

        await until_ready(f"the server of {own.name}", server, log, listening)
        [url] = filled(own.url, {"server": address, "port": own.port, "name": name})
        points = await add_peers(stage, fleets, {"source": url, "sha256": stage.item.sha256})
        yield Deployment(points, {Role.SERVER: [server], Role.PEERS: peers})
