"""A token bucket, for labs whose links nobody else shapes."""

from __future__ import annotations

BURST_S = 0.02
"""Seconds' worth of tokens that may gather while idle; shorter bursts cost accuracy, as timers fire late."""


class TokenBucket:
    """Lets `rate` bytes per second through, on average. Taking may overdraw; then the next taker waits."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = 0.0
        self._at = 0.0

    def delay(self, now: float) -> float:
        """Seconds until more may be taken; 0 means now."""
        self._refill(now)
        return max(-self._tokens / self._rate, 0.0)

    def take(self, count: int, now: float) -> None:
        """Use up `count` bytes' worth of tokens."""
        self._refill(now)
        self._tokens -= count

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._at) * self._rate, BURST_S * self._rate)
        self._at = now
