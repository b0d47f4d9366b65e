"""How fast bytes flow, over a short sliding window."""

from __future__ import annotations

_SLOTS = 5
_SLOT_S = 0.4


class Rate:
    """Bytes over the last two seconds. Short beside choke rounds, long beside a block on a slow link."""

    __slots__ = ("_bytes", "_since", "_slot", "total")

    def __init__(self, now: float) -> None:
        self._bytes = [0] * _SLOTS
        self._slot = int(now / _SLOT_S)
        self._since = now
        self.total = 0

    def add(self, count: int, now: float) -> None:
        """Count bytes that moved just now."""
        self._advance(now)
        self._bytes[self._slot % _SLOTS] += count
        self.total += count

    def window(self, now: float) -> int:
        """Bytes in the window."""
        self._advance(now)
        return sum(self._bytes)

    def per_second(self, now: float) -> float:
        """The rate over the window, or since the beginning while that is shorter."""
        span = min(now - self._since, _SLOTS * _SLOT_S)
        return self.window(now) / max(span, _SLOT_S)

    def _advance(self, now: float) -> None:
        slot = int(now / _SLOT_S)
        if slot == self._slot:
            return
        for stale in range(self._slot + 1, min(slot, self._slot + _SLOTS) + 1):
            self._bytes[stale % _SLOTS] = 0
        self._slot = slot
