"""The requests under way: which block was asked of whom. The only place that adds to or takes from
`Connection.pending`. Blocks of a piece are named as a set (see `bits`)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from p2p_node.core.connection import Connection

WORTH = 1.5
"""A block is asked for again when it is expected to take this many times longer than the new peer needs for one."""

LONGEST_S = 1.0
"""What a peer is taken to need for a block while nothing is known of it."""


class Requests:
    """Blocks asked for and not here yet; in the end game a block may be asked of a second peer."""

    def __init__(self) -> None:
        self._asked: dict[int, int] = {}
        """By piece, the blocks asked of somebody."""
        self._twice: dict[int, int] = {}
        """By piece, the blocks asked of two peers."""
        self.count = 0
        """Requests under way to all peers."""

    def add(self, connection: Connection, piece: int, blocks: int, now: float) -> None:
        """The peer is asked for these blocks now."""
        before = self._asked.get(piece, 0)
        self._asked[piece] = before | blocks
        if again := before & blocks:
            self._twice[piece] = self._twice.get(piece, 0) | again
        connection.pending.add(piece, blocks, now)
        self.count += blocks.bit_count()

    def remove(self, connection: Connection, piece: int, blocks: int) -> float | None:
        """The peer answered for those of these blocks it was asked for, or no answer is expected; returns when the last
        of them was asked for, None if none was."""
        blocks = connection.pending.among(piece, blocks)
        if not blocks:
            return None
        twice = self._twice.get(piece, 0)
        _keep(self._twice, piece, twice & ~blocks)
        _keep(self._asked, piece, self._asked[piece] & ~(blocks & ~twice))
        self.count -= blocks.bit_count()
        return connection.pending.remove(piece, blocks)

    def among(self, piece: int, blocks: int) -> int:
        """Those of these blocks that are asked of somebody."""
        return self._asked.get(piece, 0) & blocks

    def latest_elsewhere(
        self, connection: Connection, others: Iterable[Connection], now: float
    ) -> tuple[int, int] | None:
        """The piece and number of the block expected last from the one peer it was asked of, which this one can send.

        Peers answer in order, so of each peer's blocks it is the last one, and of all peers that of the one whose queue
        takes longest from now on, at its present rate. Who is late is taken to need as long again as it is late.
        """
        needed = max(connection.latency, connection.block_s(now))
        latest, found = WORTH * (needed if needed < math.inf else LONGEST_S), None
        for other in others:
            if not other.pending or other is connection:
                continue
            wait = abs(len(other.pending) * other.block_s(now) - other.waited_s(now))
            if wait > latest and (key := self._last_single(other, connection.available)) is not None:
                latest, found = wait, key
        return found

    def _last_single(self, holder: Connection, available: int) -> tuple[int, int] | None:
        for run in reversed(holder.pending):
            if available >> run.piece & 1 and (single := run.blocks & ~self._twice.get(run.piece, 0)):
                return run.piece, single.bit_length() - 1
        return None


def _keep(table: dict[int, int], piece: int, blocks: int) -> None:
    if blocks:
        table[piece] = blocks
    else:
        table.pop(piece, None)
