"""aria2c, one process a peer, asked over its JSON-RPC, which also tells by itself when a download is complete."""

from __future__ import annotations

import asyncio
import itertools
import secrets
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

LARGEST_TORRENT = "64M"
READY_TIMEOUT_S = 15.0
FIRST_POLL_S, POLL_S = 0.02, 0.25
"""Until the first byte it is asked often, later only for progress: the end it tells by itself."""


def command(address: str, port: int, directory: Path, rates: Rates) -> list[str]:
    """aria2c set up for a swarm without limits of its own, seeding for ever."""
    return [
        "aria2c",
        "--no-conf",
        f"--interface={address}",
        f"--bt-external-ip={address}",
        f"--listen-port={port}",
        f"--dir={directory}",
        "--disable-ipv6=true",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--bt-max-peers=0",
        "--bt-request-peer-speed-limit=1000M",
        "--seed-ratio=0.0",
        "--file-allocation=none",
        # What is told to be done shall be in its file.
        "--disk-cache=0",
        "--allow-overwrite=true",
        "--check-integrity=true",
        "--auto-save-interval=0",
        "--summary-interval=0",
        "--console-log-level=warn",
        f"--max-overall-upload-limit={int(rates.up or 0)}",
        f"--max-overall-download-limit={int(rates.down or 0)}",
    ]


class Rpc:
    """The program's JSON-RPC over a WebSocket: answers to what is asked, and notifications unasked."""

    def __init__(self, port: int, secret: str) -> None:
        self._url = f"http://{RPC_ADDRESS}:{port}/jsonrpc"
        self._secret = secret
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._session = aiohttp.ClientSession()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.notified: asyncio.Queue[str] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, program: Program) -> None:
        """Connect as soon as it answers; raises FetchFailed when it does not."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while self._socket is None:
            try:
                self._socket = await self._session.ws_connect(self._url, max_msg_size=0)
            except (aiohttp.ClientError, OSError) as error:
                if time.monotonic() > deadline or not program.running:
                    raise FetchFailed(f"aria2c does not answer: {error}") from None
                await asyncio.sleep(FIRST_POLL_S)
        self._reading = asyncio.create_task(self._read(self._socket))

    async def ask(self, method: str, *parameters: object) -> Any:
        """The result of a call; raises FetchFailed when it is refused or the program is gone."""
        number = str(next(self._numbers))
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": [f"token:{self._secret}", *parameters]}
        assert self._socket is not None, "connect comes first"
        try:
            await self._socket.send_json(request)
        except ConnectionError:
            raise FetchFailed("aria2c is gone") from None
        return await answer

    async def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        await self._session.close()

    async def _read(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        async for message in connection:
            said = message.json()
            if "method" in said:
                self.notified.put_nowait(said["method"])
                continue
            answer = self._waiting.pop(said.get("id"), None)
            if answer is None or answer.done():
                continue
            if "error" in said:
                answer.set_exception(FetchFailed(f"aria2c: {said['error'].get('message')}"))
            else:
                answer.set_result(said["result"])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(FetchFailed("aria2c is gone"))


class Aria2Client(ProgramClient):
    """A peer's aria2c (implements `hosting.swarming.Client`); what it threw away it does not tell."""

    def __init__(self, address: str, port: int, directory: Path, rates: Rates, received: Received) -> None:
        super().__init__(address, port, directory, rates, received)
        self._rpc: Rpc | None = None

    async def start(self, room: Path) -> None:
        """Start the program, idle, with its log in `room`; raises FetchFailed."""
        rpc_port, secret = free_port(RPC_ADDRESS), secrets.token_hex(8)
        options = [
            *command(self._address, self.port, self._directory, self._rates),
            "--enable-rpc=true",
            "--rpc-listen-all=false",
            f"--rpc-listen-port={rpc_port}",
            f"--rpc-secret={secret}",
            f"--rpc-max-request-size={LARGEST_TORRENT}",
        ]
        self._program = await Program.start(options, room / "log", self.account.fail)
        self._rpc = Rpc(rpc_port, secret)
        await self._rpc.connect(self._program)

    async def download(self, torrent: Path, origin: str | None) -> None:
        """Add a torrent; what its file holds already is hashed by the program itself."""
        assert self._rpc is not None, "start comes first"
        self._origin = origin
        gid = await self._rpc.ask("aria2.addTorrent", encoded(torrent))
        told = await self._rpc.ask("aria2.getFiles", gid)
        self.account.path = Path(told[0]["path"])
        self.account.size = int(told[0]["length"])
        self._following = [asyncio.create_task(self._until_told()), asyncio.create_task(self._poll(gid))]

    async def _hang_up(self) -> None:
        if self._rpc is not None:
            await self._rpc.close()

    async def _until_told(self) -> None:
        assert self._rpc is not None
        while await self._rpc.notified.get() != "aria2.onBtDownloadComplete":
            pass
        self.account.complete()

    async def _poll(self, gid: str) -> None:
        assert self._rpc is not None
        keys = ["status", "completedLength", "errorMessage", "seeder"]
        try:
            while not self.account.ended:
                told = await self._rpc.ask("aria2.tellStatus", gid, keys)
                self.account.verified = int(told["completedLength"])
                if told["status"] in ("error", "removed"):
                    self.account.fail(f"aria2c: {told.get('errorMessage') or told['status']}")
                if self.account.verified and self.account.first_byte_at is None:
                    self.account.first_byte_at = time.monotonic()
                    self.account.changed.set()
                if told.get("seeder") == "true":
                    self.account.complete()
                await asyncio.sleep(POLL_S if self.account.verified else FIRST_POLL_S)
        except FetchFailed as failure:
            await self._lost(failure)
