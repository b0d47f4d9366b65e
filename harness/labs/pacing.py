"""A token bucket for asyncio: what holds a link to its rate where the kernel does not."""

from __future__ import annotations

import asyncio
import time

BURST_S = 0.02
"""How much of the rate may pass at once: event loops cannot pace finer without losing rate (measured)."""


class Bucket:
    """Lets bytes pass at `rate` bytes per second on average, in bursts of at most `BURST_S`."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens = rate * BURST_S
        self._at = time.monotonic()

    @property
    def share(self) -> int:
        """A good number of bytes to take at once, so that several takers get their turns."""
        return max(1, round(self._rate * BURST_S / 4))

    async def take(self, size: int) -> None:
        """Take tokens for `size` bytes, then wait until the debt this makes is paid off."""
        now = time.monotonic()
        self._tokens = min(self._rate * BURST_S, self._tokens + (now - self._at) * self._rate) - size
        self._at = now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._rate)
