"""The receiving end: fills pooled buffers on the event loop; threads hash and store whole pieces behind it."""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from harness.contenders.bare_fleet.torrent import Torrent
from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.hosting.swarming import Account

BUFFERED = 16 << 20
"""Bytes received but not stored yet, after which reading pauses: buffers used again soon are still in the cache."""
MIN_BUFFERS = 2


class Receiver(asyncio.BufferedProtocol):
    """One connection, over which the item comes from its first byte to its last."""

    def __init__(self, torrent: Torrent, path: Path, account: Account, workers: ThreadPoolExecutor) -> None:
        """Raises FetchFailed when the file cannot be opened."""
        self._loop = asyncio.get_running_loop()
        self._torrent = torrent
        self._account = account
        self._workers = workers
        self._transport: asyncio.Transport | None = None
        buffers = max(MIN_BUFFERS, BUFFERED // torrent.piece_length)
        self._spare = [memoryview(mmap.mmap(-1, torrent.piece_length)) for _ in range(buffers)]
        self._buffer = self._spare.pop()
        self._filled = 0
        self._piece = 0
        self._paused = False
        self._stored: set[asyncio.Future[None]] = set()
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._file, torrent.length)
        except OSError as error:
            raise FetchFailed(f"cannot store {path}: {error.strerror}") from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The stream begins by itself."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The rest of the piece's buffer."""
        return self._buffer[self._filled : self._torrent.piece_size(self._piece)]

    def buffer_updated(self, nbytes: int) -> None:
        """Hand a whole piece over, and go on with the next."""
        if self._account.first_byte_at is None:
            self._account.first_byte_at = time.monotonic()
            self._account.changed.set()
        self._filled += nbytes
        if self._filled < self._torrent.piece_size(self._piece):
            return
        piece, buffer = self._piece, self._buffer
        store = self._loop.run_in_executor(self._workers, self._store, piece, buffer)
        self._stored.add(store)
        store.add_done_callback(lambda done: self._take_back(done, piece, buffer))
        self._piece, self._filled = piece + 1, 0
        assert self._transport is not None
        if self._piece == self._torrent.pieces:
            self._transport.pause_reading()
        elif self._spare:
            self._buffer = self._spare.pop()
        else:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Before the last piece has come, the fetch has failed."""
        if self._piece < self._torrent.pieces:
            self._account.fail(f"the connection was lost at piece {self._piece} of {self._torrent.pieces}")

    def close(self) -> None:
        """Hang up; the file is closed when nothing writes to it any more."""
        if self._transport is not None:
            self._transport.abort()
        if self._file >= 0 and not self._stored:
            os.close(self._file)
            self._file = -1

    def _store(self, piece: int, buffer: memoryview) -> None:
        """On a worker's thread: hashing and writing both release the interpreter's lock."""
        size = self._torrent.piece_size(piece)
        content = buffer[:size]
        if hashlib.sha1(content).digest() != self._torrent.digest(piece):
            raise FetchFailed(f"piece {piece} does not match its hash")
        os.pwrite(self._file, content, piece * self._torrent.piece_length)

    def _take_back(self, done: asyncio.Future[None], piece: int, buffer: memoryview) -> None:
        self._stored.discard(done)
        if (error := done.exception()) is not None:
            self._account.fail(str(error))
        else:
            self._account.verified += self._torrent.piece_size(piece)
        if self._account.verified == self._torrent.length:
            self._account.completed_at = time.monotonic()
            self._account.changed.set()
        if self._account.ended:
            self.close()
        elif self._paused:
            assert self._transport is not None
            self._paused = False
            self._buffer = buffer
            self._transport.resume_reading()
        else:
            self._spare.append(buffer)
