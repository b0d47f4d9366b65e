"""The uplink of the loopback lab: a token bucket that all connections share in turns. Sans-IO: `now` is an argument."""

from __future__ import annotations

BURST_S = 0.05
"""Seconds of rate that a late wake-up may make up for; less, and a busy machine loses throughput (0.98 at 20 ms)."""
_SMALLEST_TURN = 4 * 1024
_LARGEST_TURN = 256 * 1024
_TURNS_A_SECOND = 200  # timers here fire at best every millisecond, and a turn should be a few of those


class TokenBucket:
    """Bytes that may be sent by now at `rate` bytes per second. It may be overdrawn; the debt is waited for."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self.turn = int(min(max(rate / _TURNS_A_SECOND, _SMALLEST_TURN), _LARGEST_TURN))
        """Bytes one connection sends before the next has its turn."""
        self._depth = max(rate * BURST_S, 2 * self.turn)
        self._tokens = 0.0
        self._at = now

    def spend(self, sent: int) -> None:
        """Account for bytes that were sent."""
        self._tokens -= sent

    def wait_s(self, now: float) -> float:
        """Seconds until a turn may be sent; 0.0 when it may now."""
        self._tokens = min(self._depth, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return max(0.0, (min(self.turn, self._depth) - self._tokens) / self.rate)

    def resume(self, now: float) -> None:
        """Start anew after idleness: what was not used while nobody wanted to send is lost, as on a real link."""
        self.wait_s(now)
        self._tokens = min(self._tokens, float(self.turn))
