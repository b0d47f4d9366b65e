"""How fast bytes flow, over a short sliding window."""

from __future__ import annotations

_SLOTS = 5
_SLOT_S = 0.4
WINDOW_S = _SLOTS * _SLOT_S
"""How far back a rate looks."""


class Rate:
    """Bytes over the last two seconds. Short beside choke rounds, long beside a block on a slow link."""

    __slots__ = ("_bytes", "_since", "_slot", "_sum", "total")

    def __init__(self, now: float) -> None:
        self._bytes = [0] * _SLOTS
        self._sum = 0
        self._slot = int(now / _SLOT_S)
        self._since = now
        self.total = 0

    def add(self, count: int, now: float) -> None:
        """Count bytes that moved just now."""
        slot = int(now / _SLOT_S)
        if slot != self._slot:
            self._advance(slot)
        self._bytes[slot % _SLOTS] += count
        self._sum += count
        self.total += count

    def window(self, now: float) -> int:
        """Bytes in the window."""
        slot = int(now / _SLOT_S)
        if slot != self._slot:
            self._advance(slot)
        return self._sum

    def per_second(self, now: float) -> float:
        """The rate over the window, or since the beginning while that is shorter."""
        moved = self.window(now)
        if not moved:
            return 0.0
        span = now - self._since
        if span > WINDOW_S:
            span = WINDOW_S
        elif span < _SLOT_S:
            span = _SLOT_S
        return moved / span

    def _advance(self, slot: int) -> None:
        for passed in range(self._slot + 1, min(slot, self._slot + _SLOTS) + 1):
            stale = passed % _SLOTS
            self._sum -= self._bytes[stale]
            self._bytes[stale] = 0
        self._slot = slot
