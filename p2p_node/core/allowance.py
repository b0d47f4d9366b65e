"""How often a peer may do something that costs us: a number at once, and that number again every so many seconds."""

from __future__ import annotations


class Allowance:
    """A bucket of `size` turns that fills evenly in `period_s` seconds."""

    __slots__ = ("_per_second", "_size", "_turns", "_updated", "refused")

    def __init__(self, size: int, period_s: float, now: float) -> None:
        self.refused = 0
        """Turns refused since one was last granted."""
        self._size = size
        self._per_second = size / period_s
        self._turns = float(size)
        self._updated = now

    def take(self, now: float) -> bool:
        """Whether one more is allowed now; counts it."""
        self._turns = min(self._size, self._turns + (now - self._updated) * self._per_second)
        self._updated = now
        if self._turns < 1:
            self.refused += 1
            return False
        self._turns -= 1
        self.refused = 0
        return True
