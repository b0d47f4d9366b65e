"""Whom to upload to: everybody while they are few, else tit-for-tat with an optimistic unchoke (Cohen 2003, BEP 3).

A choice is made when interest changes and rotates with a timer; peers that leave or lose interest free their place at
once.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from p2p_node.core.connection import Connection

FEW = 64
"""Interested peers up to which nobody is choked: slots protect a link from too many flows, and this many it carries."""

SLOTS = 8
"""Peers unchoked by merit under contention."""

RECHOKE_S = 10.0
OPTIMISTIC_S = 30.0


class Choker:
    """Chooses the unchoked peers; `slots` fixes their number, None lets it follow the number of interested peers."""

    def __init__(self, rng: Random, now: float, slots: int | None = None) -> None:
        self._rng = rng
        self._slots = slots
        self._optimistic: Connection | None = None
        self._rotate_at = now + OPTIMISTIC_S

    def choose(self, connections: Collection[Connection], seeding: bool, now: float) -> set[Connection]:
        """The peers to be unchoked now, among those interested: the best by what they give (or, for a seed, take)."""
        interested = [connection for connection in connections if connection.peer_interested]
        if self._slots is None and len(interested) <= FEW:
            return set(interested)
        slots = self._slots or SLOTS

        def merit(connection: Connection) -> tuple[int, bool, float]:
            rate = connection.upload if seeding else connection.download
            return rate.window(now), not connection.am_choking, -connection.opened

        best = sorted(interested, key=merit, reverse=True)
        chosen = set(best[: slots - 1] if slots > 1 else ())
        others = [connection for connection in best if connection not in chosen]
        if others:
            if now >= self._rotate_at or self._optimistic not in others:
                self._optimistic = self._rng.choice(others)
                self._rotate_at = now + OPTIMISTIC_S
            chosen.add(self._optimistic)
        return chosen
