"""A peer of the bare loop: connects from its own address to the origin, and receives."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.contenders.bare_fleet.receiver import Receiver
from harness.contenders.bare_fleet.torrent import read_torrent
from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.hosting.swarming import Account

PORT = 8081


class BareClient:
    """Receives one item (implements `hosting.swarming.Client`); it serves nobody."""

    port = 0

    def __init__(self, address: str, directory: Path, workers: ThreadPoolExecutor) -> None:
        self.account = Account()
        self._address = address
        self._directory = directory
        self._workers = workers
        self._receiver: Receiver | None = None

    async def download(self, torrent: Path, origin: str | None) -> None:
        """Connect to the origin; raises FetchFailed."""
        if origin is None:
            raise FetchFailed("a stream needs an origin to come from")
        wanted = read_torrent(torrent)
        self.account.size = wanted.length
        self.account.path = self._directory / wanted.name
        receiver = self._receiver = Receiver(wanted, self.account.path, self.account, self._workers)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: receiver, origin, PORT, local_addr=(self._address, 0))
        except OSError as error:
            raise FetchFailed(f"cannot connect to {origin}:{PORT}: {error.strerror or error}") from None

    def look(self) -> None:
        """All comes from the origin."""
        self.account.from_origin = self.account.verified

    async def close(self) -> None:
        """Hang up."""
        if self._receiver is not None:
            self._receiver.close()
