"""A peer's disk: takes a piece's blocks, hashes them, and can be full or broken.

The time that hashing takes is that of a processor which does nothing else; a disk takes none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.labs.simulated.clock import Clock
from harness.labs.simulated.payload import is_wrong
from p2p_node.wire.messages import BLOCK

HASH_RATE = 1e9
"""Bytes hashed per second: SHA-1 on one core."""

SOONEST_S, LATEST_S = 1.0, 30.0
"""How soon a full disk is tried again, as the node's shell does: after half the time that it has been full."""


class Disk:
    """Calls `verified` with the outcome for each piece, or `failed` when it cannot be written."""

    def __init__(self, clock: Clock, verified: Callable[[int, bool], None], failed: Callable[[str], None]) -> None:
        self.full = False
        self.broken = False
        self._clock = clock
        self._verified = verified
        self._failed = failed
        self._wrong: dict[int, dict[int, bool]] = {}
        """By piece with something wrong in it, by each block's offset, whether what was stored there last was wrong."""
        self._full_since: float | None = None

    def store(self, piece: int, begin: int, blocks: Sequence[bytes | memoryview]) -> None:
        """Keep these blocks, side by side."""
        for run in blocks:
            wrong = is_wrong(run)
            if wrong or piece in self._wrong:
                blocks_of_piece = self._wrong.setdefault(piece, {})
                for at in range(begin, begin + len(run), BLOCK):
                    blocks_of_piece[at] = wrong
            begin += len(run)

    def discard(self, piece: int) -> None:
        """Forget what was stored of this piece."""
        self._wrong.pop(piece, None)

    def verify(self, piece: int, size: int) -> None:
        """Hash the piece, and write it if it is right."""
        self._clock.at(self._clock.now + size / HASH_RATE, self._finish, piece)

    def _finish(self, piece: int) -> None:
        if self.broken:
            self._failed("cannot write to the disk: Input/output error")
            return
        is_right = not any(self._wrong.get(piece, {}).values())
        if is_right and self.full:
            now = self._clock.now
            self._full_since = now if self._full_since is None else self._full_since
            wait_s = min(max((now - self._full_since) / 2, SOONEST_S), LATEST_S)
            self._clock.at(now + wait_s, self._finish, piece)
            return
        if is_right:
            self._full_since = None
            self.discard(piece)
        self._verified(piece, is_right)
