"""The resume record: which pieces were verified and safe on the disk, and what their files looked like then.

A piece counts only if its files are as the record says; after a crash, or a change by somebody else, they are not, and
their pieces are hashed again. So the record saves time and can never let a wrong byte through.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from p2p_node.core import bits
from p2p_node.core.node import Node
from p2p_node.shell.errors import NodeError
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.wire.metainfo import Metainfo

log = logging.getLogger("p2p_node")

RECORD_S = 10.0
"""Time between two records: each waits for the disk, and saves at most this much hashing of finished files."""

_MAX_RECORD = 64 << 20


class _Record(msgspec.Struct):
    """As it is stored."""

    info_hash: bytes
    have: bytes
    stamps: list[tuple[int, int]]


class ResumeRecord:
    """The record of one download, a hidden file beside it."""

    def __init__(self, metainfo: Metainfo, storage: Storage) -> None:
        self._metainfo = metainfo
        self._files = storage.files
        self.path = storage.path.with_name(f".{storage.path.name}.resume")

    def read(self) -> int:
        """The recorded pieces whose files have not changed since, as a set (see `core.bits`)."""
        try:
            with self.path.open("rb") as file:
                record = msgspec.msgpack.decode(file.read(_MAX_RECORD), type=_Record)
        except (OSError, msgspec.MsgspecError):
            return 0
        if record.info_hash != self._metainfo.info_hash or len(record.stamps) != len(self._metainfo.layout.files):
            return 0
        stamps = self._files.stamps()
        same = [stamp == was for stamp, was in zip(stamps, record.stamps, strict=True)]
        recorded = int.from_bytes(record.have, "little") & ((1 << self._metainfo.piece_count) - 1)
        return sum(1 << piece for piece in bits.members(recorded) if all(same[file] for file in self._of(piece)))

    def write(self, have: int) -> None:
        """Record these pieces, once all that was written is safe; a failure is logged, and costs only time later."""
        fresh = self.path.with_suffix(".new")
        try:
            self._files.sync()
            record = _Record(self._metainfo.info_hash, have.to_bytes((have.bit_length() + 7) // 8, "little"), [])
            record.stamps = self._files.stamps()
            with fresh.open("wb") as file:
                file.write(msgspec.msgpack.encode(record))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except (OSError, NodeError) as error:
            log.warning("no resume record: %s", error)

    def remove(self) -> None:
        """The download is complete."""
        for path in (self.path, self.path.with_suffix(".new")):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _of(self, piece: int) -> list[int]:
        offset, size = self._metainfo.offset(piece), self._metainfo.piece_size(piece)
        return [span.file for span in self._metainfo.layout.spans(offset, size) if span.file is not None]


@asynccontextmanager
async def recorded(record: ResumeRecord, peer: Peer) -> AsyncIterator[None]:
    """Keep the record of a joined peer's download while the body runs, and bring it up to date when it ends.

    A download that ends unfinished leaves its swarm first: a piece written later would make the record untrue.
    """
    assert isinstance(peer.node, Node)
    swarm, stopped = peer.node.swarm, asyncio.Event()

    async def keep() -> None:
        while not stopped.is_set():
            if not swarm.complete:
                await asyncio.to_thread(record.write, swarm.have)
            with suppress(TimeoutError):
                async with asyncio.timeout(RECORD_S):
                    await stopped.wait()

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        stopped.set()
        await keeping
        if swarm.complete:
            record.remove()
        else:
            await peer.leave()
            await asyncio.to_thread(record.write, swarm.have)
