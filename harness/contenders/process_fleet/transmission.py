"""transmission-daemon, one process a peer, asked over its RPC; a script it runs tells when a download is complete.

Its choking, interest and requests are decided on a pulse of up to 10 s that no setting changes.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.process_fleet.client import ProgramClient
from harness.contenders.process_fleet.program import RPC_ADDRESS, Program, Rates, encoded
from harness.contenders.process_fleet.received import Received
from harness.ports import free_port

READY_TIMEOUT_S = 15.0
FIRST_POLL_S, POLL_S = 0.05, 0.25
"""Until the first block is there it is asked often, later only for progress: its script tells the end."""

SESSION = "X-Transmission-Session-Id"
SEEDING = 6
MANY = 2000

FIELDS = ["haveValid", "haveUnchecked", "downloadedEver", "error", "errorString", "leftUntilDone", "status"]


def settings(address: str, port: int, rpc_port: int, rates: Rates, done: Path) -> dict[str, Any]:
    """settings.json of one daemon, set up for a swarm; `done` is the script it runs for a finished download."""
    return {
        "bind-address-ipv4": address,
        "peer-port": port,
        "rpc-enabled": True,
        "rpc-bind-address": RPC_ADDRESS,
        "rpc-port": rpc_port,
        "rpc-whitelist-enabled": False,
        "rpc-host-whitelist-enabled": False,
        "dht-enabled": False,
        "lpd-enabled": False,
        "utp-enabled": False,
        "pex-enabled": True,
        "port-forwarding-enabled": False,
        "encryption": 0,
        # What is told to be done shall be in its file.
        "cache-size-mb": 0,
        "preallocation": 0,
        "rename-partial-files": False,
        "peer-limit-global": MANY,
        "peer-limit-per-torrent": MANY,
        "ratio-limit-enabled": False,
        "idle-seeding-limit-enabled": False,
        "speed-limit-up-enabled": rates.up is not None,
        "speed-limit-up": int((rates.up or 0) / 1000),
        "speed-limit-down-enabled": rates.down is not None,
        "speed-limit-down": int((rates.down or 0) / 1000),
        "script-torrent-done-enabled": True,
        "script-torrent-done-filename": str(done),
    }


class Rpc:
    """The daemon's JSON-RPC over HTTP."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{RPC_ADDRESS}:{port}/transmission/rpc"
        self._session = aiohttp.ClientSession()
        self._token = ""

    async def connect(self, program: Program) -> None:
        """Wait until it answers; raises FetchFailed when it does not."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            try:
                await self.ask("session-get", {"fields": ["version"]})
                return
            except FetchFailed:
                if time.monotonic() > deadline or not program.running:
                    raise
                await asyncio.sleep(FIRST_POLL_S)

    async def ask(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer's arguments; raises FetchFailed when it is refused or the daemon is gone."""
        try:
            for _ in range(2):  # the first answer of all is a token to ask with
                headers = {SESSION: self._token}
                request = {"method": method, "arguments": arguments}
                async with self._session.post(self._url, json=request, headers=headers) as response:
                    if response.status == 409:
                        self._token = response.headers.get(SESSION, "")
                        continue
                    answer = await response.json(content_type=None)
                    if answer.get("result") != "success":
                        raise FetchFailed(f"transmission: {answer.get('result')}")
                    return dict(answer["arguments"])
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(f"transmission does not answer: {error or type(error).__name__}") from None
        raise FetchFailed("transmission does not accept its own session's token")

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()


class Bell:
    """A pipe by name that a shell script rings."""

    def __init__(self, directory: Path, rung: asyncio.Event) -> None:
        self._pipe = directory / "done"
        self.script = directory / "done.sh"
        os.mkfifo(self._pipe)
        self.script.write_text(f'#!/bin/sh\necho >"{self._pipe}"\n')
        self.script.chmod(0o755)
        # Opened for writing too, or it would read as ended whenever no script has it open.
        self._file = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._file, self._read, rung)

    def close(self) -> None:
        """Listen no more."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _read(self, rung: asyncio.Event) -> None:
        with suppress(BlockingIOError):
            os.read(self._file, 64)
        rung.set()


class TransmissionClient(ProgramClient):
    """A peer's transmission-daemon (implements `hosting.swarming.Client`)."""

    def __init__(self, address: str, port: int, directory: Path, rates: Rates, received: Received) -> None:
        super().__init__(address, port, directory, rates, received)
        self._rpc: Rpc | None = None
        self._bell: Bell | None = None
        self._rung = asyncio.Event()

    async def start(self, room: Path) -> None:
        """Start the daemon, idle, with its files in `room`; raises FetchFailed."""
        rpc_port = free_port(RPC_ADDRESS)
        self._bell = Bell(room, self._rung)
        written = settings(self._address, self.port, rpc_port, self._rates, self._bell.script)
        (room / "settings.json").write_text(json.dumps(written))
        command = ["transmission-daemon", "--foreground", "--config-dir", str(room), "--log-error"]
        self._program = await Program.start(command, room / "log", self.account.fail)
        self._rpc = Rpc(rpc_port)
        await self._rpc.connect(self._program)

    async def download(self, torrent: Path, origin: str | None) -> None:
        """Add a torrent; what its file holds already is hashed by the daemon itself."""
        assert self._rpc is not None, "start comes first"
        self._origin = origin
        added = await self._rpc.ask("torrent-add", {"metainfo": encoded(torrent), "download-dir": str(self._directory)})
        number = added["torrent-added"]["id"]
        told = await self._rpc.ask("torrent-get", {"ids": [number], "fields": ["files"]})
        [file] = told["torrents"][0]["files"]
        self.account.path = self._directory / file["name"]
        self.account.size = file["length"]
        self._following = [asyncio.create_task(self._until_rung()), asyncio.create_task(self._poll(number))]

    async def _hang_up(self) -> None:
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        if self._rpc is not None:
            await self._rpc.close()

    async def _until_rung(self) -> None:
        await self._rung.wait()
        self.account.complete()

    async def _poll(self, number: int) -> None:
        assert self._rpc is not None
        account = self.account
        try:
            while not account.ended:
                told = await self._rpc.ask("torrent-get", {"ids": [number], "fields": FIELDS})
                [state] = told["torrents"]
                account.verified = state["haveValid"]
                account.wasted = max(0, state["downloadedEver"] - account.size)
                if state["haveValid"] + state["haveUnchecked"] and account.first_byte_at is None:
                    account.first_byte_at = time.monotonic()
                    account.changed.set()
                if state["error"]:
                    account.fail(f"transmission: {state['errorString']}")
                if state["status"] == SEEDING and not state["leftUntilDone"]:
                    account.complete()
                await asyncio.sleep(POLL_S if account.first_byte_at else FIRST_POLL_S)
        except FetchFailed as failure:
            await self._lost(failure)
