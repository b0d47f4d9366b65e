"""The downlink: holds connections back that receive faster than a rate cap allows."""

from __future__ import annotations

import asyncio

from p2p_node.shell.connection import PeerConnection
from p2p_node.shell.throttle import TokenBucket


class Downlink:
    """Counts what all connections of one peer receive; `rate` in bytes per second."""

    def __init__(self, rate: float) -> None:
        self._bucket = TokenBucket(rate)

    def take(self, count: int) -> float:
        """This many bytes came; returns the seconds until more may come."""
        now = asyncio.get_running_loop().time()
        self._bucket.take(count, now)
        return self._bucket.delay(now)

    def received(self, connection: PeerConnection, count: int) -> None:
        """A connection has received this many bytes: it reads on when the rate allows."""
        delay = self.take(count)
        if delay > 0 and connection.transport is not None:
            connection.transport.pause_reading()
            asyncio.get_running_loop().call_later(delay, _read_again, connection)


def _read_again(connection: PeerConnection) -> None:
    if connection.transport is not None:
        connection.transport.resume_reading()
