"""How often each address may ask: a bounded table that no number of addresses overflows."""

from __future__ import annotations

from array import array
from zlib import crc32

from p2p_node.wire.address import is_loopback

WINDOW_S = 10.0
MAX_QUERIES = 200
"""Queries of one address in a window. A lookup asks each node once, a busy peer looks up a few keys a second."""

COUNTERS = 1024
"""Addresses share counters by their hash: one that floods silences a thousandth of the others at most."""


class QueryLimit:
    """Counts queries by address; `salt` keeps others from choosing whom they share a counter with."""

    def __init__(self, salt: int, now: float) -> None:
        self._salt = salt
        self._counters: array[int] = array("H", bytes(2 * COUNTERS))
        self._ends = now + WINDOW_S

    def allows(self, host: str, now: float) -> bool:
        """Whether this address may ask once more now; counts it. Loopback is one machine, which may do as it likes."""
        if is_loopback(host):
            return True
        if now >= self._ends:
            self._counters = array("H", bytes(2 * COUNTERS))
            self._ends = now + WINDOW_S
        slot = crc32(host.encode(), self._salt) % COUNTERS
        if self._counters[slot] >= MAX_QUERIES:
            return False
        self._counters[slot] += 1
        return True
