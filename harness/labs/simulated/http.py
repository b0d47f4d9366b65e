"""The client-server model: an item over HTTP, from one server to clients, each on a connection of its own.

What the baseline server and the harness's fetcher do on real sockets: one request, one response, sent as fast as the
socket takes it.
"""

from __future__ import annotations

from typing import Any

from harness.labs.simulated.hosts import Host
from harness.labs.simulated.streams import Stream

PORT = 8080
CHUNK = 64 * 1024
"""Bytes handed to a socket at once. Smaller ones say nothing new about links that all flows share evenly."""
REQUEST, HEAD = 150, 250
"""Bytes of a request, and of a response before the item."""


class WebServer:
    """Serves an item of so many bytes until its host dies."""

    def __init__(self, host: Host, size: int) -> None:
        self._size = size
        self._left: dict[Stream, int] = {}
        """Bytes of the item not yet handed over."""
        host.accepts[PORT] = self._accept

    def received(self, stream: Stream, _request: Any, _size: int) -> None:
        """A request for the item."""
        stream.write(0, HEAD)
        self._left[stream] = self._size
        self._go_on(stream)

    def lost(self, stream: Stream) -> None:
        """A client has gone."""
        self._left.pop(stream, None)

    def _accept(self, stream: Stream) -> None:
        stream.owner = self

    def _go_on(self, stream: Stream) -> None:
        while left := self._left.get(stream, 0):
            size = min(left, CHUNK)
            self._left[stream] = left - size
            stream.write(size, size)
            if not stream.tell_when_room(0, self._go_on):
                return
        self._left.pop(stream, None)
        stream.close()


class Download:
    """A client's download; times are virtual seconds, None for what has not happened."""

    def __init__(self, host: Host, size: int) -> None:
        self.first_byte_at: float | None = None
        self.completed_at: float | None = None
        self.failed: str | None = None
        self.received_bytes = 0
        self._host = host
        self._size = size

    def begin(self, server: str) -> None:
        """Ask the server at this IP address for the item."""
        self._host.dial((server, PORT), self._opened, self._refused)

    def received(self, stream: Stream, count: int, _size: int) -> None:
        """A part of the response; the head has 0 bytes of the item."""
        now = self._host.network.clock.now
        self.received_bytes += count
        if count and self.first_byte_at is None:
            self.first_byte_at = now
        if self.received_bytes >= self._size and self.completed_at is None:
            self.completed_at = now
            stream.close()

    def lost(self, _stream: Stream) -> None:
        """The server has gone."""
        if self.completed_at is None:
            self.failed = f"the connection was lost after {self.received_bytes} of {self._size} bytes"

    def _opened(self, stream: Stream) -> None:
        stream.owner = self
        stream.write("GET", REQUEST)

    def _refused(self) -> None:
        self.failed = "cannot connect to the server"
