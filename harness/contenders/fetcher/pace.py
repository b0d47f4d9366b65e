"""A peer's downlink in the loopback lab, where no kernel shapes it. Sans-IO: `now` is an argument."""

from __future__ import annotations

_CATCH_UP_S = 0.05
"""Seconds of rate that a late wake-up may make up for."""
_READ_S = 0.02
"""Seconds of rate in one read: shorter costs wake-ups, longer makes the link bursty."""
_SMALLEST_READ = 2 * 1024


class Pace:
    """When the next bytes may be read at `rate` bytes per second."""

    def __init__(self, rate: float, now: float) -> None:
        self.read_size = max(_SMALLEST_READ, int(rate * _READ_S))
        self._rate = rate
        self._free_at = now

    def delay_s(self, received: int, now: float) -> float:
        """Seconds to read nothing after `received` bytes came."""
        self._free_at = max(self._free_at, now - _CATCH_UP_S) + received / self._rate
        return max(0.0, self._free_at - now)
