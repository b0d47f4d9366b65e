"""One libtorrent session: its alerts, stamped as they come, become the account of a download."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libtorrent as lt

from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.hosting.swarming import Account
from harness.contenders.libtorrent_fleet.settings import ALERTS, Tuning, new_session

LISTEN_TIMEOUT_S = 10.0


class Session:
    """A session in place, its alerts handed out on the event loop."""

    def __init__(self, address: str, port: int, tuning: Tuning, hear: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._hear = hear
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self.handle: lt.torrent_handle | None = None
        self.session = new_session(address, port, tuning)
        self.session.set_alert_fd(self._theirs.fileno())
        self._loop.add_reader(self._ours, self._wake)
        self._listening: asyncio.Future[int] = self._loop.create_future()

    async def listening(self) -> int:
        """The port, once it listens; raises FetchFailed when it cannot."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._listening), LISTEN_TIMEOUT_S)
        except TimeoutError:
            raise FetchFailed("libtorrent does not listen after 10 s") from None

    def add(self, torrent: Path, directory: Path) -> lt.torrent_info:
        """Take up a torrent whose file lies, or will lie, in `directory`; raises FetchFailed."""
        try:
            info = lt.torrent_info(str(torrent))
            parameters = lt.add_torrent_params()
            parameters.ti = info
            parameters.save_path = str(directory)
            parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
            self.handle = self.session.add_torrent(parameters)
        except RuntimeError as error:
            raise FetchFailed(f"libtorrent does not take {torrent}: {error}") from None
        return info

    def close(self) -> None:
        """End the session, in a thread of its own making."""
        if self._ours.fileno() >= 0:
            self._loop.remove_reader(self._ours)
            self.session.set_alert_fd(-1)
            self._ours.close()
            self._theirs.close()
            self.session.pause()

    def _wake(self) -> None:
        self._ours.recv(4096)
        for alert in self.session.pop_alerts():
            match alert:
                case lt.listen_succeeded_alert() if not self._listening.done():
                    self._listening.set_result(int(alert.port))
                case lt.listen_failed_alert() if not self._listening.done():
                    self._listening.set_exception(FetchFailed(f"libtorrent cannot listen: {alert.message()}"))
                case _:
                    self._hear(alert)


class LibtorrentClient:
    """A downloading session (implements `hosting.swarming.Client`)."""

    port: int

    def __init__(self, address: str, directory: Path, tuning: Tuning) -> None:
        self.account = Account()
        self._directory = directory
        self._session = Session(address, 0, tuning, self._hear)
        self._info: lt.torrent_info | None = None
        self._origin: str | None = None
        self._from_origin: dict[tuple[str, int], int] = {}

    async def listen(self) -> None:
        """Wait until it listens; raises FetchFailed."""
        self.port = await self._session.listening()

    async def download(self, torrent: Path, origin: str | None) -> None:
        """Add the torrent; its file may exist already, and is taken to hold nothing of it."""
        self._origin = origin
        info = self._info = self._session.add(torrent, self._directory)
        self.account.size = info.total_size()
        self.account.path = self._directory / info.files().file_path(0)

    def look(self) -> None:
        """Take the counters of the torrent and of its connections.

        A connection's counter goes with it, so what was seen of each is kept.
        """
        if self._session.handle is None:
            return
        status = self._session.handle.status()
        self.account.wasted = status.total_redundant_bytes + status.total_failed_bytes
        for peer in self._session.handle.get_peer_info():
            if peer.ip[0] == self._origin:
                seen = self._from_origin.get(peer.ip, 0)
                self._from_origin[peer.ip] = max(seen, peer.total_download)
        self.account.from_origin = sum(self._from_origin.values())

    async def close(self) -> None:
        """End the session."""
        self._session.close()

    def _hear(self, alert: Any) -> None:
        account = self.account
        match alert:
            case lt.block_finished_alert():
                if account.first_byte_at is None:
                    account.first_byte_at = time.monotonic()
                    self._session.session.apply_settings({"alert_mask": ALERTS})
            case lt.piece_finished_alert():
                assert self._info is not None
                account.verified += self._info.piece_size(alert.piece_index)
                return  # progress is told by time
            case lt.torrent_finished_alert():
                # Its last pieces may still be on their way to the file.
                alert.handle.flush_cache()
            case lt.cache_flushed_alert():
                if account.verified == account.size and account.completed_at is None:
                    account.completed_at = time.monotonic()
            case lt.torrent_error_alert() | lt.file_error_alert():
                account.fail(f"libtorrent: {alert.message()}")
            case _:
                return
        account.changed.set()
