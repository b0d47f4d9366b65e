"""What a node is ready to spend on others: so much a second, and what was saved up for a burst."""

from __future__ import annotations


class Budget:
    """A bucket that `rate` fills every second, up to `burst`; it begins full."""

    __slots__ = ("_burst", "_left", "_rate", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._updated = now

    def has(self, amount: float, now: float) -> bool:
        """Whether this much is left."""
        self._left = min(self._burst, self._left + (now - self._updated) * self._rate)
        self._updated = now
        return self._left >= amount

    def spend(self, amount: float) -> None:
        """Take this much, which there `has` to be."""
        self._left -= amount

    def take(self, amount: float, now: float) -> bool:
        """Spend this much if it is left; returns whether it was."""
        if self.has(amount, now):
            self.spend(amount)
            return True
        return False
