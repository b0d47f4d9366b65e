"""Landings: runs of blocks that are received where they belong, in the memory of their piece.

A landing owns its bytes of the piece only as long as nobody else brings them and the piece is not given up: it is then
diverted, and goes on in memory of its own. So nothing is ever received into bytes that were taken in.
"""

from __future__ import annotations


class Landing:
    """One run under way: `memory` is where it belongs, or where it was diverted to."""

    __slots__ = ("begin", "filled", "memory", "piece")

    def __init__(self, piece: int, begin: int, memory: memoryview) -> None:
        self.piece = piece
        self.begin = begin
        self.memory = memory
        self.filled = 0
        """Bytes that are here."""

    @property
    def rest(self) -> memoryview:
        """Where to receive to."""
        return self.memory[self.filled :]

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return self.filled == len(self.memory)

    def put(self, data: memoryview) -> None:
        """Its first bytes were received elsewhere."""
        self.memory[: len(data)] = data
        self.filled = len(data)

    def divert(self) -> None:
        """Keep out of the piece from now on."""
        own = memoryview(bytearray(len(self.memory)))
        own[: self.filled] = self.memory[: self.filled]
        self.memory = own


class Landings:
    """The landings of one torrent."""

    def __init__(self) -> None:
        self._under_way: list[Landing] = []

    def begin(self, piece: int, begin: int, memory: memoryview) -> Landing | None:
        """A run begins to come; None when some of it is coming already."""
        if self._over(piece, begin, begin + len(memory)):
            return None
        landing = Landing(piece, begin, memory)
        self._under_way.append(landing)
        return landing

    def end(self, landing: Landing) -> None:
        """It is here, or will never be."""
        if landing in self._under_way:
            self._under_way.remove(landing)

    def divert(self, piece: int, begin: int, end: int) -> None:
        """These bytes of a piece are taken, or the piece is given up."""
        for landing in self._over(piece, begin, end):
            landing.divert()
            self._under_way.remove(landing)

    def _over(self, piece: int, begin: int, end: int) -> list[Landing]:
        return [
            landing
            for landing in self._under_way
            if landing.piece == piece and landing.begin < end and begin < landing.begin + len(landing.memory)
        ]
