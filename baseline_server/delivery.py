"""One response on its way into a socket: when it may send, how it waits, and whether the client still takes anything.

The rule: it sends in turns and never waits inside one, so many clients on one uplink progress alike.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import math
import socket
import termios
from typing import Protocol

from baseline_server.body import FileBody
from baseline_server.errors import FileChanged
from baseline_server.metrics import Ending, Tally
from baseline_server.uplink import UNTHROTTLED_TURN, Turn, Uplink

_UNSENT_LIMIT = 512 * 1024
"""TCP_NOTSENT_LOWAT: bytes the kernel holds for a client beyond what is in flight. So a slow client does not take a
whole file into kernel memory, and its progress shows; a smaller limit costs goodput on loopback (ADR 0002)."""


class Client(Protocol):
    """Who is told how a delivery ended."""

    def delivered(self) -> None:
        """The whole response was handed to the kernel, after `start` had returned False."""
        ...

    def undeliverable(self, reason: Ending) -> None:
        """The response cannot be completed; called at most once, also from within `start`."""
        ...


class Delivery:
    """Sends one response after the other to one socket."""

    def __init__(
        self,
        sock: socket.socket,
        client: Client,
        *,
        loop: asyncio.AbstractEventLoop,
        uplink: Uplink | None,
        tally: Tally,
        patience_s: float,
    ) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._client = client
        self._loop = loop
        self._uplink = uplink
        self._tally = tally
        self._patience_s = patience_s
        self.sent = 0
        """Bytes of the last response, head included, that the kernel has taken."""
        self._head = b""
        self._body: FileBody | None = None
        self._watching = False
        self._deadline = math.inf
        self._unacknowledged = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_LIMIT)

    def start(self, head: bytes, body: FileBody | None) -> bool:
        """Send a response; returns whether all of it was taken at once. The body is closed in any case."""
        self._head = head
        self._body = body
        self.sent = 0
        if self._uplink is not None:
            self._uplink.ask(self)
            return False
        turn, _ = self.take_turn(UNTHROTTLED_TURN)
        if turn is Turn.MORE:
            self._watch()
        return turn is Turn.DONE

    def take_turn(self, limit: int) -> tuple[Turn, int]:
        """Send up to about `limit` bytes now; returns how it ended and the bytes sent."""
        try:
            sent = self._body.send(self._sock, self._head, limit) if self._body else self._sock.send(self._head)
        except (BlockingIOError, InterruptedError):
            self._watch()
            return Turn.BLOCKED, 0
        except FileChanged:
            return self._fail(Ending.FILE_CHANGED)
        except OSError:
            return self._fail(Ending.CLIENT_RESET)
        self.sent += sent
        self._tally.sent_bytes += sent
        self._head = self._head[sent:]
        if self._head or (self._body is not None and self._body.left):
            return Turn.MORE, sent
        watched = self._watching
        self.abandon()
        if watched or self._uplink is not None:
            self._client.delivered()
        return Turn.DONE, sent

    def is_stuck(self, now: float) -> bool:
        """Whether the client has taken nothing for too long; waiting for our own uplink does not count."""
        if not self._watching or now < self._deadline:
            return False
        waiting = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.TIOCOUTQ, waiting)
        stuck = waiting[0] == self._unacknowledged
        self._unacknowledged = waiting[0]
        self._deadline = now + self._patience_s
        return stuck

    def abandon(self) -> None:
        """Send no more of this response."""
        self._unwatch()
        if self._uplink is not None:
            self._uplink.forget(self)
        self._head = b""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _fail(self, reason: Ending) -> tuple[Turn, int]:
        self.abandon()
        self._client.undeliverable(reason)
        return Turn.FAILED, 0

    def _watch(self) -> None:
        """Have the loop say when the socket takes more."""
        self._deadline = self._loop.time() + self._patience_s
        if not self._watching:
            self._watching = True
            self._loop.add_writer(self._fd, self._on_writable)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        if self._uplink is not None:
            self._unwatch()
            self._uplink.ask(self)
        elif self.take_turn(UNTHROTTLED_TURN)[1]:
            self._deadline = self._loop.time() + self._patience_s
