"""The requests under way: which block was asked of whom. The only place that adds to or takes from
`Connection.pending`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    def add(self, connection: Connection, keys: Sequence[Key], now: float) -> None:
        """The peer is asked for these blocks now."""
        connection.pending.update(dict.fromkeys(keys, now))
        for key in keys:
            self._holders.setdefault(key, []).append(connection)
        self.count += len(keys)

    def answered(self, connection: Connection, keys: Iterable[Key]) -> float | None:
        """The peer answered with these blocks; returns when the last of them was asked for, None if none was."""
        last_asked_at = None
        for key in keys:
            asked_at = connection.pending.pop(key, None)
            if asked_at is not None:
                last_asked_at = asked_at
                self._count_off(connection, key)
        return last_asked_at

    def among(self, keys: Iterable[Key]) -> list[Key]:
        """Those of these blocks that are asked of somebody."""
        return [key for key in keys if key in self._holders]

    def remove(self, connection: Connection, key: Key) -> float | None:
        """The peer answered, or nothing more is expected from it; returns when it was asked, None if it was not."""
        asked_at = connection.pending.pop(key, None)
        if asked_at is not None:
            self._count_off(connection, key)
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

    def _count_off(self, connection: Connection, key: Key) -> None:
        holders = self._holders[key]
        if len(holders) == 1:
            del self._holders[key]
        else:
            holders.remove(connection)
        self.count -= 1

    def _last_single(self, holder: Connection, have: int) -> Key | None:
        for key in reversed(holder.pending):
            if have >> key[0] & 1 and len(self._holders[key]) == 1:
                return key
        return None
