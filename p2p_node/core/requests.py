"""The requests under way: which block was asked of whom. The only place that adds to or takes from
`Connection.pending`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from p2p_node.core.connection import Connection

Key: TypeAlias = tuple[int, int]
"""A block: its piece, and its number in the piece."""


class Requests:
    """Blocks asked for and not here yet; in the end game one block may be asked of several peers."""

    def __init__(self) -> None:
        self._holders: dict[Key, list[Connection]] = {}
        self.count = 0
        """Requests under way to all peers."""

    def add(self, connection: Connection, key: Key, now: float) -> None:
        """The peer is asked for this block now."""
        connection.pending[key] = now
        self._holders.setdefault(key, []).append(connection)
        self.count += 1

    def remove(self, connection: Connection, key: Key) -> float | None:
        """The peer answered, or nothing more is expected from it; returns when it was asked, None if it was not."""
        asked_at = connection.pending.pop(key, None)
        if asked_at is not None:
            holders = self._holders[key]
            holders.remove(connection)
            if not holders:
                del self._holders[key]
            self.count -= 1
        return asked_at

    def holders(self, key: Key) -> list[Connection]:
        """The peers that this block is asked of; a copy."""
        return list(self._holders.get(key, ()))

    def latest_elsewhere(self, connection: Connection, others: Iterable[Connection], now: float) -> Key | None:
        """The block that this peer has and that is expected last from the one other peer it was asked of.

        Peers answer in order, so of each peer's blocks it is the last one, and of all peers that of the one whose queue
        takes longest at its present rate.
        """
        latest, found = 0.0, None
        for other in others:
            if not other.pending or other is connection:
                continue
            wait = len(other.pending) / max(other.download.per_second(now), 1.0)
            if wait > latest and (key := self._last_single(other, connection.have)) is not None:
                latest, found = wait, key
        return found

    def _last_single(self, holder: Connection, have: int) -> Key | None:
        for key in reversed(holder.pending):
            if have >> key[0] & 1 and len(self._holders[key]) == 1:
                return key
        return None
