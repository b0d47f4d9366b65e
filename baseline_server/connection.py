"""One client's connection: its states, its deadlines, and the order of its responses.

The rule: while a response is being sent nothing is read, so a client that pipelines or floods is held back by TCP, and
a connection never owes more than one response.

    IDLE -> READING -> SENDING -> IDLE … ; SENDING -> LINGERING when the connection may not be used again; all -> CLOSED
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import Enum, auto
from http import HTTPStatus
from typing import NamedTuple, Protocol

from baseline_server.access_log import AccessLog, Exchange
from baseline_server.body import FileBody
from baseline_server.delivery import Delivery
from baseline_server.errors import Refusal
from baseline_server.limits import Limits
from baseline_server.metrics import Ending, Tally
from baseline_server.request import Request, RequestParser
from baseline_server.uplink import Uplink

_READ_SIZE = 16 * 1024
_RESPONSES_A_TURN = 16
"""Pipelined requests answered before other connections have their turn."""
_LINGER_LIMIT = 1 << 20
"""Bytes of a refused body worth reading for the client to see the answer."""
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() resets the connection


class State(Enum):
    """What a connection is doing."""

    IDLE = auto()  # nothing of a request has come
    READING = auto()  # a head is coming, or the very first is awaited
    SENDING = auto()
    LINGERING = auto()  # answered and shut down for writing; reads on for a moment so that the answer is not reset
    CLOSED = auto()


class Outgoing(NamedTuple):
    """A response to send: its head, with any text of the server's own, and the file's part if there is one."""

    status: HTTPStatus
    head: bytes
    body: FileBody | None = None


class Site(Protocol):
    """What a connection belongs to."""

    loop: asyncio.AbstractEventLoop
    limits: Limits
    tally: Tally
    uplink: Uplink | None
    access_log: AccessLog | None
    draining: bool

    def answer(self, asked: Request | Refusal, *, keep_alive: bool) -> Outgoing:
        """The response to one request."""
        ...

    def ended(self, connection: Connection, reason: Ending) -> None:
        """The connection is closed."""
        ...


class Connection:
    """A client's connection from accept to close."""

    def __init__(self, sock: socket.socket, client: str, site: Site) -> None:
        """`client` is its address, for the access log."""
        self._sock = sock
        self._client = client
        self._fd = sock.fileno()
        self._site = site
        self._loop = site.loop
        self._parser = RequestParser()
        self._delivery = Delivery(
            sock, self, loop=site.loop, uplink=site.uplink, tally=site.tally, patience_s=site.limits.send_s
        )
        self._exchange: Exchange | None = None
        self._keep_alive = True
        self._lingered = 0
        self._listening = False
        self._state = State.READING
        self._deadline = self._loop.time() + site.limits.header_s
        self._listen()

    # -- requests

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._close(Ending.CLIENT_RESET)
            return
        if self._state is State.LINGERING:
            self._lingered += len(data)
            if not data or self._lingered > _LINGER_LIMIT:
                self._close(Ending.CLOSED)
        elif not data:
            self._close(Ending.CLIENT_CLOSED)
        else:
            self._parser.receive(data)
            self._respond()

    def _respond(self) -> None:
        """Answer what has been asked, until something must be waited for."""
        for _ in range(_RESPONSES_A_TURN):
            asked = self._next_request()
            if asked is None:
                self._await_request()
                return
            if not self._answer(asked):
                return
        self._ignore()
        self._loop.call_soon(self._respond_more)

    def _respond_more(self) -> None:
        if self._state is State.IDLE:
            self._listen()
            self._respond()

    def _next_request(self) -> Request | Refusal | None:
        try:
            return self._parser.next_request()
        except Refusal as refusal:
            return refusal

    def _await_request(self) -> None:
        if self._parser.mid_head:
            if self._state is State.IDLE:
                self._state = State.READING
                self._deadline = self._loop.time() + self._site.limits.header_s
        elif self._site.draining:
            self._close(Ending.DRAINED)

    def _answer(self, asked: Request | Refusal) -> bool:
        """Send a response; returns whether the next request may be looked at now."""
        # After a refusal here nobody knows where the next request begins, so it is the last answer.
        self._keep_alive = isinstance(asked, Request) and asked.keep_alive and not self._site.draining
        self._state = State.SENDING
        outgoing = self._site.answer(asked, keep_alive=self._keep_alive)
        if self._site.access_log is not None:
            request = asked if isinstance(asked, Request) else None
            self._exchange = Exchange(self._site.access_log, self._client, request, outgoing.status.value)
        if not self._delivery.start(outgoing.head, outgoing.body):
            self._ignore()
            return False
        self._finish_response()
        return self._state is State.IDLE

    # -- the ends of a response

    def delivered(self) -> None:
        """The response that had to wait is sent."""
        self._finish_response()
        if self._state is not State.CLOSED:
            self._listen()
        if self._state is State.IDLE:
            self._respond()

    def undeliverable(self, reason: Ending) -> None:
        """The response cannot be completed: reset, for the client must see that what it got is not the whole."""
        self._record(reason.value)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close(reason)

    def _finish_response(self) -> None:
        self._record("sent")
        if self._keep_alive:
            self._state = State.IDLE
            self._deadline = self._loop.time() + self._site.limits.idle_s
            return
        # Closing with unread bytes would reset the connection, and the answer with it (RFC 9112 section 9.6).
        self._state = State.LINGERING
        self._deadline = self._loop.time() + self._site.limits.linger_s
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(Ending.CLIENT_RESET)

    def _record(self, end: str) -> None:
        if self._exchange is not None:
            self._exchange.end(self._delivery.sent, end)
            self._exchange = None

    # -- deadlines and the end

    def check(self, now: float) -> None:
        """End the connection if it has run out of time; called about twice a second."""
        if self._state is State.SENDING:
            if self._delivery.is_stuck(now):
                self.undeliverable(Ending.SEND_TIMEOUT)
        elif now >= self._deadline:
            if self._state is State.READING and self._parser.mid_head:
                self._answer(Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time"))
            else:
                self._close(
                    {State.IDLE: Ending.IDLE, State.READING: Ending.HEADER_TIMEOUT}.get(self._state, Ending.CLOSED)
                )

    def turn_away(self) -> None:
        """Answer 503 before anything is asked: there is no room for this client."""
        full = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections", headers=b"Retry-After: 1\r\n")
        self._answer(full)

    def drain(self) -> None:
        """Close now if nothing is owed to the client; otherwise after the response that is under way."""
        if self._state is State.IDLE or (self._state is State.READING and not self._parser.mid_head):
            self._close(Ending.DRAINED)

    def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            self._loop.add_reader(self._fd, self._on_readable)

    def _ignore(self) -> None:
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self._fd)

    def _close(self, reason: Ending) -> None:
        if self._state is not State.CLOSED:
            self._state = State.CLOSED
            self._delivery.abandon()
            self._ignore()
            self._sock.close()
            self._site.ended(self, reason)
