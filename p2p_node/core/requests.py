"""The requests under way: which block was asked of whom. The only place that adds to or takes from
`Connection.pending`. Blocks of a piece are named as a set (see `bits`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import itemgetter
from typing import TypeAlias

from p2p_node.core.connection import Connection

WORTH = 1.5
"""A block is asked for again when it is expected to take this many times longer than the new peer needs for one."""

LONGEST_S = 1.0
"""What a peer is taken to need for a block while nothing is known of it."""

Wait: TypeAlias = tuple[float, Connection]
"""Seconds until a peer will have sent all that it was asked for, and the peer."""


def by_wait(connections: Iterable[Connection], now: float) -> list[Wait]:
    """How long each peer that was asked for something will take over it, the longest first.

    Peers answer in order, each at its present rate. Who is late is taken to need as long again as it is late.
    """
    waits = [(_wait_s(connection, now), connection) for connection in connections if connection.pending]
    waits.sort(key=itemgetter(0), reverse=True)
    return waits


def _wait_s(connection: Connection, now: float) -> float:
    return abs(len(connection.pending) * connection.block_s(now) - connection.waited_s(now))


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

    def latest_elsewhere(self, connection: Connection, waits: Iterable[Wait], now: float) -> tuple[int, int] | None:
        """The piece and number of the block expected last from the one peer it was asked of, which this one can send;
        `waits` as `by_wait` has them."""
        needed = max(connection.latency, connection.block_s(now))
        least = WORTH * (needed if needed < math.inf else LONGEST_S)
        for wait_s, other in waits:
            if wait_s <= least:
                break
            if other is not connection and (found := self._last_single(other, connection.available)) is not None:
                return found
        return None

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
