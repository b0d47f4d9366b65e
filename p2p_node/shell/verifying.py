"""Verifying: hashes and writes complete pieces, small ones at once, large ones on threads.

The core bounds how much waits here: bytes asked for or not verified yet are counted together. A piece for which the
disk has no room waits here too, and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from p2p_node.shell.disk_room import DiskRoom
from p2p_node.shell.errors import DiskFull, NodeError
from p2p_node.shell.storage import Storage
from p2p_node.wire.metainfo import Metainfo

log = logging.getLogger("p2p_node")

HASHERS = 2
"""Threads of a process. One keeps up with 1.2 GiB/s at most, less than what arrives over loopback; two leave the event
loop and the sender their share of the processors. Both calls on them release the interpreter's lock."""

HASHED_INLINE = 128 * 1024
"""Pieces up to this size are hashed on the event loop: handing one to a thread and back costs more than hashing it."""


def hashers() -> ThreadPoolExecutor:
    """The hashing threads, to be shared by all peers of a process; each starts when it is first needed."""
    return ThreadPoolExecutor(HASHERS, thread_name_prefix="hasher")


class Verifier:
    """Verifies the pieces of one torrent; `verified`, `leaves_hashed` and `failed` are called on the event loop."""

    def __init__(
        self,
        metainfo: Metainfo,
        storage: Storage,
        threads: Executor,
        verified: Callable[[int, bool], None],
        leaves_hashed: Callable[[Sequence[bytes]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._metainfo = metainfo
        self._storage = storage
        self._threads = threads
        self._verified = verified
        self._leaves_hashed = leaves_hashed
        self._failed = failed
        self._room = DiskRoom()
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Future[bool]] = set()

    async def settle(self) -> None:
        """Return when no thread works on a piece any more."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def verify(self, piece: int) -> None:
        """Hash this piece and write it if it is right."""
        if self._storage.closed:
            return
        if self._metainfo.piece_size(piece) <= HASHED_INLINE:
            self._loop.call_soon(self._verify_inline, piece)
        else:
            future = self._loop.run_in_executor(self._threads, self._storage.finish, piece)
            self._under_way.add(future)
            future.add_done_callback(self._under_way.discard)
            future.add_done_callback(lambda done: self._finished(piece, done))

    def hash_leaves(self, pieces: range) -> None:
        """Hash the blocks of these pieces; `leaves_hashed` gets no hashes when they cannot be read."""
        if self._storage.closed:
            return
        future = self._loop.run_in_executor(self._threads, self._storage.leaves, pieces)
        future.add_done_callback(self._finished_leaves)

    def _finished_leaves(self, done: asyncio.Future[list[bytes]]) -> None:
        if done.cancelled():
            return
        if error := done.exception():
            log.warning("no leaf hashes: %s", error)
        self._leaves_hashed(() if error else done.result())

    def _verify_inline(self, piece: int) -> None:
        if self._storage.closed:
            return
        try:
            right = self._storage.finish(piece)
        except NodeError as error:
            self._not_stored(piece, error)
        else:
            self._stored(piece, right)

    def _finished(self, piece: int, done: asyncio.Future[bool]) -> None:
        if done.cancelled():
            return
        if error := done.exception():
            self._not_stored(piece, error)
        else:
            self._stored(piece, done.result())

    def _stored(self, piece: int, right: bool) -> None:
        if right:
            self._room.found()
        self._verified(piece, right)

    def _not_stored(self, piece: int, error: BaseException) -> None:
        if isinstance(error, DiskFull):
            self._loop.call_later(self._room.missing(error, self._loop.time()), self.verify, piece)
        else:
            self._failed(error)
