"""One torrent's file on disk, and the pieces of it that are still in memory.

A piece is collected in a pooled buffer, hashed whole, and written only when it is right, so that the file never holds a
wrong byte. Hashing and writing happen on another thread: both release the interpreter lock.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.metainfo import Metainfo

_POOLED = 8
"""Spare piece buffers kept for the next pieces; a fresh one costs page faults."""


class Storage:
    """The file at `path`. `writable` false: opened to seed from, never changed."""

    def __init__(self, metainfo: Metainfo, path: Path, writable: bool) -> None:
        self.path = path
        self._metainfo = metainfo
        self._buffers: dict[int, memoryview] = {}
        self._spare: list[memoryview] = []
        try:
            self._file = os.open(path, (os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY) | os.O_CLOEXEC, 0o644)
            if writable:
                self._preallocate()
        except OSError as error:
            raise describe(error, f"open {path}") from None

    def store(self, piece: int, begin: int, blocks: Sequence[bytes | memoryview]) -> None:
        """Copy blocks, side by side, of a piece in progress."""
        buffer = self._buffers.get(piece)
        if buffer is None:
            buffer = self._buffers[piece] = self._buffer()
        for block in blocks:
            end = begin + len(block)
            buffer[begin:end] = block
            begin = end

    def finish(self, piece: int) -> bool:
        """Hash the collected piece and write it if it is right; called on another thread. Raises NodeError when it
        cannot be written."""
        size = self._metainfo.piece_size(piece)
        with self._buffers[piece][:size] as data:
            if hashlib.sha1(data).digest() != self._metainfo.digest(piece):
                return False
            try:
                _write_all(self._file, data, piece * self._metainfo.piece_length)
            except OSError as error:
                raise describe(error, f"write {self.path}") from None
        return True

    def discard(self, piece: int) -> None:
        """Forget a piece in progress, or one that is written now."""
        buffer = self._buffers.pop(piece, None)
        if buffer is not None and len(self._spare) < _POOLED:
            self._spare.append(buffer)

    def read(self, piece: int, begin: int, blocks: Sequence[memoryview]) -> None:
        """Fill `blocks` with what follows `begin` in a verified piece. Raises NodeError when the file is shorter than
        it was, OSError when it cannot be read."""
        count = os.preadv(self._file, blocks, piece * self._metainfo.piece_length + begin)
        if count != sum(len(block) for block in blocks):
            raise NodeError(f"{self.path} is shorter than it was; stopped serving it")

    def check(self) -> int:
        """Hash what the file holds; returns the set of right pieces (see `core.bits`)."""
        have = 0
        buffer = self._buffer()
        for piece in range(self._metainfo.piece_count):
            size = self._metainfo.piece_size(piece)
            with buffer[:size] as data:
                count = os.preadv(self._file, [data], piece * self._metainfo.piece_length)
                if count == size and hashlib.sha1(data).digest() == self._metainfo.digest(piece):
                    have |= 1 << piece
        self._spare.append(buffer)
        return have

    @property
    def closed(self) -> bool:
        """Whether the file was let go of."""
        return self._file < 0

    def close(self) -> None:
        """Let go of the file and the buffers."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._buffers.clear()
        self._spare.clear()

    def _buffer(self) -> memoryview:
        return self._spare.pop() if self._spare else memoryview(bytearray(self._metainfo.piece_length))

    def _preallocate(self) -> None:
        size = os.fstat(self._file).st_size
        if size > self._metainfo.length:
            os.ftruncate(self._file, self._metainfo.length)
        elif size < self._metainfo.length:
            os.posix_fallocate(self._file, 0, self._metainfo.length)


def _write_all(file: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data = data[written:]
        offset += written
