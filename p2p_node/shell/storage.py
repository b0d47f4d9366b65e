"""One torrent's files on disk, and the pieces of them that are still in memory.

A piece is collected in a pooled buffer, hashed whole, and written only when it is right, so that no file ever holds a
wrong byte. Hashing and writing happen on another thread: both release the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from p2p_node.shell.errors import NodeError
from p2p_node.shell.files import Files
from p2p_node.shell.landing import Landing, Landings
from p2p_node.shell.piece_buffers import PieceBuffers
from p2p_node.wire import merkle
from p2p_node.wire.metainfo import Metainfo


class Storage:
    """The files at `path`. `writable` false: opened to seed from, never changed."""

    def __init__(self, metainfo: Metainfo, path: Path, writable: bool) -> None:
        self.path = path
        self.files = Files(metainfo.layout, path, writable)
        self.closed = False
        self._metainfo = metainfo
        self._buffers: dict[int, memoryview] = {}
        self._landings = Landings()
        self._pool = PieceBuffers(metainfo.piece_length)

    def store(self, piece: int, begin: int, blocks: Sequence[bytes | memoryview]) -> None:
        """Copy blocks, side by side, of a piece in progress, unless they have landed there."""
        buffer = self._buffer(piece)
        for block in blocks:
            end = begin + len(block)
            if not isinstance(block, memoryview) or block.obj is not buffer.obj:
                self._landings.divert(piece, begin, end)
                buffer[begin:end] = block
            begin = end

    def land(self, piece: int, begin: int, size: int) -> Landing | None:
        """Receive missing blocks of a piece in progress where they belong; None when others already bring some."""
        return self._landings.begin(piece, begin, self._buffer(piece)[begin : begin + size])

    def landed(self, landing: Landing) -> None:
        """The blocks are here, to be stored at once, or will never be."""
        self._landings.end(landing)

    def finish(self, piece: int) -> bool:
        """Hash the collected piece and write it if it is right; called on another thread. Raises NodeError when it
        cannot be written, DiskFull when it can be tried again."""
        offset, size = self._metainfo.offset(piece), self._metainfo.piece_size(piece)
        with self._buffers[piece][:size] as data:
            for start, end in self._metainfo.layout.padding(offset, size):
                data[start:end] = bytes(end - start)
            if not self._metainfo.is_right(piece, data):
                return False
            self.files.write(offset, data)
        return True

    def discard(self, piece: int) -> None:
        """Forget a piece in progress, or one that is written now."""
        buffer = self._buffers.pop(piece, None)
        if buffer is not None:
            self._landings.divert(piece, 0, len(buffer))
            self._pool.give_back(buffer)

    def read(self, piece: int, begin: int, blocks: Sequence[memoryview]) -> None:
        """Fill `blocks` with what follows `begin` in a verified piece. Raises NodeError when it cannot be read, or a
        file is shorter than it was."""
        self.files.read_into(self._metainfo.offset(piece) + begin, blocks)

    def leaves(self, pieces: range) -> list[bytes]:
        """The SHA-256 of each block of these consecutive pieces, collected or on the disk (BEP 52); called on another
        thread. Raises NodeError when one cannot be read."""
        hashes: list[bytes] = []
        for piece in pieces:
            size = self._metainfo.layers.size(piece) if self._metainfo.layers else self._metainfo.piece_size(piece)
            collected = self._buffers.get(piece)
            data = memoryview(bytearray(size)) if collected is None else collected[:size]
            if collected is None:
                self.files.read_into(self._metainfo.offset(piece), [data])
            hashes += merkle.leaves(data)
        return hashes

    def check(self, recorded: int = 0) -> int:
        """Hash what the files hold; returns the set of right pieces (see `core.bits`), those in `recorded` unread."""
        have = 0
        buffer = self._pool.take()
        for piece in range(self._metainfo.piece_count):
            if recorded >> piece & 1 or self._is_right(piece, buffer):
                have |= 1 << piece
        self._pool.give_back(buffer)
        return have

    def close(self) -> None:
        """Let go of the files and the buffers."""
        self.closed = True
        self.files.close()
        self._buffers.clear()
        self._pool.clear()

    def _buffer(self, piece: int) -> memoryview:
        buffer = self._buffers.get(piece)
        if buffer is None:
            buffer = self._buffers[piece] = self._pool.take()
        return buffer

    def _is_right(self, piece: int, buffer: memoryview) -> bool:
        if not self._metainfo.can_verify(piece):
            return False
        with buffer[: self._metainfo.piece_size(piece)] as data:
            try:
                self.files.read_into(self._metainfo.offset(piece), [data])
            except NodeError:
                return False
            return self._metainfo.is_right(piece, data)
