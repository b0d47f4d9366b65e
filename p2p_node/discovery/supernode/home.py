"""Where a leaf's home is: which of the supernodes that it knows of answers it, and whom it turns to when none does.

The rule: home is whoever answers first of those whose turn it is. A newcomer first hears of its home who the others
are, and moves once when it would rather have another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from p2p_node.discovery.supernode.roster import Roster
from p2p_node.discovery.udp_client import CONNECTION_S
from p2p_node.wire.address import Address

WAVE = 3
"""Supernodes asked at a time when home is silent: were half of them dead, one of three is alive seven times in
eight."""

WAVE_S = 0.25
"""The soonest that others are asked after the ones before, which may answer still: most do after a round trip."""

MAX_WAIT_S = 8.0
"""When nobody answers, the wait before all are asked again doubles up to this."""

ENQUIRY_S = 0.5
"""How long a newcomer waits to hear which other supernodes there are, one of which may suit it better."""


class Home:
    """One leaf's; `address` is None while it has none, `connection` the id (BEP 15) that it gave."""

    def __init__(self, own: Address, seed: bytes) -> None:
        self.address: Address | None = None
        self.connection = 0
        self._connection_ends = -math.inf
        self._roster = Roster(own, seed)
        self._settled = False
        """Whether it was heard, or waited for, which supernodes there are."""
        self._enquiry_ends = math.inf
        self._tried: set[Address] = set()
        self._width = 1
        self._looked_at = -math.inf
        self._look_at = math.inf
        self._wait_s = WAVE_S

    def __len__(self) -> int:
        return len(self._roster)

    @property
    def timer(self) -> float:
        """When `tick` or `look` has something to do."""
        return min(self._look_at, self._enquiry_ends)

    @property
    def settled(self) -> Address | None:
        """Home, when it is where the leaf stays."""
        return self.address if self._settled else None

    def connects(self, now: float) -> bool:
        """Whether the connection id is still good."""
        return now < self._connection_ends

    def know(self, supernodes: Iterable[Address], now: float) -> None:
        """These are supernodes, a person says."""
        if self._roster.add(supernodes) and self.address is None:
            self._look_at = now

    def told(self, source: Address, others: Iterable[Address], now: float) -> bool:
        """Home says which others there are; False when that was not asked."""
        if source != self.address or self._enquiry_ends == math.inf:
            return False
        self._roster.add(others)
        if not self._settled and self._roster.favourite != self.address:
            self.address, self._look_at = None, now
        self._settle()
        return True

    def answered(self, supernode: Address, connection: int, now: float) -> bool:
        """It gave this connection id; whether it has become home by that."""
        self._roster.answered(supernode)
        if self.address not in (None, supernode):
            return False  # another was faster
        new = self.address is None
        self.address, self.connection, self._connection_ends = supernode, connection, now + CONNECTION_S
        if new:
            self._tried.clear()
            self._look_at, self._wait_s, self._width = math.inf, WAVE_S, 1
            self._enquiry_ends = now + ENQUIRY_S
        return new

    def failed(self, supernode: Address, now: float) -> None:
        """It did not answer, or answered nonsense: others have their turn before it."""
        self._roster.failed(supernode, now)

    def lost(self, now: float) -> None:
        """Home is silent: it is asked as any other, and some others are."""
        self.address = None
        self._width = WAVE
        self._look_at = max(now, self._looked_at + WAVE_S)

    def tick(self, now: float) -> None:
        """The timer came due."""
        if now >= self._enquiry_ends:
            self._settle()

    def look(self, now: float) -> list[Address]:
        """Whom to ask now whether they are there."""
        if self.address is not None or now < self._look_at or not self._roster:
            return []
        wave = [supernode for supernode in self._roster.turns() if supernode not in self._tried][: self._width]
        self._width = WAVE
        self._looked_at, self._look_at = now, now + WAVE_S
        self._tried.update(wave)
        if not wave:
            self._tried.clear()
            self._look_at = now + self._wait_s
            self._wait_s = min(2 * self._wait_s, MAX_WAIT_S)
        return wave

    def _settle(self) -> None:
        self._settled, self._enquiry_ends = True, math.inf
