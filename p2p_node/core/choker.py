"""Whom to upload to: everybody while they are few or the uplink idles, else tit-for-tat with an optimistic unchoke
(Cohen 2003, BEP 3).

A choice is made when interest changes and rotates with a timer; peers that leave or lose interest free their place at
once.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from p2p_node.core.connection import Connection

SLOTS = 64
"""Peers unchoked at least. Lanes protect a link from too many flows; a choked peer costs more than that: in a crowd of
100 beside a seed with 8 slots the last peer was done at .87 of the bound, with 64 at .93."""

LOOK_S = 0.5
"""Time between two looks whether the uplink idles though peers are choked."""

RECHOKE_S = 10.0
OPTIMISTIC_S = 30.0


class Choker:
    """Chooses the unchoked peers; `slots` fixes their number, None lets it follow what keeps the uplink busy."""

    def __init__(self, rng: Random, now: float, slots: int | None = None) -> None:
        self._rng = rng
        self._slots = slots or SLOTS
        self._is_fixed = slots is not None
        self._withholds = False
        """Whether somebody is choked who is interested."""
        self._look_at = self._fitted_at = now
        """When to look next, and when the number of slots last changed."""
        self._optimistic: Connection | None = None
        self._rotate_at = now + OPTIMISTIC_S

    @property
    def timer(self) -> float | None:
        """When `look` wants to be called; None while nobody is choked, or the number of slots is fixed."""
        return self._look_at if self._withholds and not self._is_fixed else None

    def serves_all(self, connections: int) -> bool:
        """Whether there is a place for each of so many connections, whatever their interest."""
        return not self._withholds and connections <= self._slots

    def look(self, idle: bool, now: float) -> bool:
        """Fit the number of slots to an uplink that idles or not, if it is time; returns whether to choose anew."""
        if (due := self.timer) is None or now < due:
            return False
        self._look_at = now + LOOK_S
        if idle:
            self._slots *= 2
        elif self._slots > SLOTS and now - self._fitted_at >= RECHOKE_S:
            self._slots = max(self._slots - self._slots // 4, SLOTS)
        else:
            return False
        self._fitted_at = now
        return True

    def choose(self, connections: Collection[Connection], seeding: bool, now: float) -> set[Connection]:
        """The peers to be unchoked now: the best of those interested, by what they give (or, for a seed, take); while
        there is a place for each of these, also who lost interest, as it may find some again the next moment."""
        interested = [connection for connection in connections if connection.peer_interested]
        withheld, self._withholds = self._withholds, len(interested) > self._slots
        if self._withholds and not withheld:  # those just unchoked have not asked for anything yet
            self._look_at = max(self._look_at, now + LOOK_S)
        if not self._withholds:
            return {connection for connection in connections if connection.peer_interested or not connection.am_choking}

        def merit(connection: Connection) -> tuple[int, bool, float]:
            rate = connection.upload if seeding else connection.download
            return rate.window(now), not connection.am_choking, -connection.opened

        best = sorted(interested, key=merit, reverse=True)
        chosen = set(best[: self._slots - 1])
        others = best[self._slots - 1 :]
        if now >= self._rotate_at or self._optimistic not in others:
            self._optimistic = self._rng.choice(others)
            self._rotate_at = now + OPTIMISTIC_S
        chosen.add(self._optimistic)
        return chosen
