"""The server: its listening socket, its connections, and what it answers.

The rule: one process, one loop, and no call that waits – apart from reading files, whose pages are expected in the page
cache; a file that is not stalls every client for as long as the disk takes, as in nginx without threads.
"""

from __future__ import annotations

import asyncio
import errno
import mimetypes
import resource
import socket
import time

from baseline_server.access_log import AccessLog
from baseline_server.body import FileBody
from baseline_server.conditions import http_date
from baseline_server.connection import Connection, Outgoing
from baseline_server.errors import Refusal
from baseline_server.files import Root
from baseline_server.limits import Limits
from baseline_server.metrics import CONTENT_TYPE, Ending, Tally
from baseline_server.request import METHODS, Request, method_not_allowed
from baseline_server.response import Context, Response, for_file, for_refusal, for_text
from baseline_server.shelf import Shelf
from baseline_server.target import path_of
from baseline_server.uplink import Uplink
from baseline_server.windows import Windows

_ACCEPTS_A_TURN = 64
_CHECK_S = 0.5
_PAUSE_S = 0.1
"""How long accepting rests when the process is out of descriptors: trying again at once would spin."""
_DESCRIPTORS_A_CONNECTION = 2  # its socket and the file it sends
_OWN_DESCRIPTORS = 64
_OVERFLOW = 256
"""Connections beyond the limit that are told so by a 503; past them, closing unanswered is all that is left."""


OWN_PATHS = (b"metrics", b"healthz")
"""What the server answers itself; a file of such a name below the root cannot be had."""


class Server:
    """Serves the files below a root to anyone who connects."""

    def __init__(
        self,
        root: Root,
        limits: Limits,
        rate: float | None = None,
        tally: Tally | None = None,
        access_log: AccessLog | None = None,
    ) -> None:
        """`rate` caps all connections together, in bytes per second. Needs a running loop."""
        mimetypes.init()  # reads the system's table of types, for which the first client would wait 2 ms
        self.loop = asyncio.get_running_loop()
        self.limits = limits
        self.tally = tally or Tally()
        self.access_log = access_log
        self.uplink = Uplink(self.loop, rate) if rate is not None else None
        self.draining = False
        self._root = root
        self._shelf = Shelf(root.fd)
        self._windows = Windows()
        self._listener: socket.socket | None = None
        self._connections: set[Connection] = set()
        self._drained = asyncio.Event()

    def accept_on(self, listener: socket.socket) -> None:
        """Start to accept on a listening socket that does not block, which is the server's from here on."""
        _allow_descriptors(self.limits.max_connections * _DESCRIPTORS_A_CONNECTION + _OWN_DESCRIPTORS)
        self._listener = listener
        self._accept_again()
        self.loop.call_later(_CHECK_S, self._check)

    async def drain(self) -> None:
        """Stop accepting, let the responses under way finish for as long as the limits say, and close everything."""
        self.draining = True
        self._stop_accepting()
        for connection in list(self._connections):
            connection.drain()
        if self._connections:
            try:
                await asyncio.wait_for(self._drained.wait(), self.limits.drain_s)
            except TimeoutError:
                for connection in list(self._connections):
                    connection.undeliverable(Ending.DRAIN_TIMEOUT)
        self._root.close()

    # -- what a connection asks for

    def answer(self, asked: Request | Refusal, *, keep_alive: bool) -> Outgoing:
        """The response to one request."""
        date = http_date(int(time.time()))
        if isinstance(asked, Refusal):
            response = for_refusal(asked, b"", Context(date, "1.1", keep_alive))
            self.tally.answered(b"", response.status)
            return Outgoing(response.status, response.head)
        context = Context(date, asked.version, keep_alive)
        body: FileBody | None = None
        try:
            if asked.method not in METHODS:
                raise method_not_allowed()
            path = path_of(asked.target)
            if path in OWN_PATHS:
                text = self.tally.exposition() if path == b"metrics" else b"ok\n"
                response = for_text(asked, text, CONTENT_TYPE, context)
            elif (kept := self._shelf.find(path)) is not None:
                response = kept.answer(asked, context)
            else:
                response, body = self._open(path, asked, context)
        except Refusal as refusal:
            response = for_refusal(refusal, asked.method, context)
        self.tally.answered(asked.method, response.status)
        return Outgoing(response.status, response.head, body)

    def _open(self, path: bytes, asked: Request, context: Context) -> tuple[Response, FileBody | None]:
        file = self._root.open(path)
        body = None
        try:
            self._shelf.keep(file)
            response = for_file(asked, file, context)
            if response.span:
                body = FileBody(file, response.span, self._windows)
        finally:
            if body is None:
                file.close()
        return response, body

    def ended(self, connection: Connection, reason: Ending) -> None:
        """A connection is closed."""
        self._connections.discard(connection)
        self.tally.open = len(self._connections)
        self.tally.ended[reason] += 1
        if self.draining and not self._connections:
            self._drained.set()

    # -- accepting

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(_ACCEPTS_A_TURN):
            try:
                sock, (client, _) = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self.loop.remove_reader(self._listener.fileno())
                    self.loop.call_later(_PAUSE_S, self._accept_again)
                    return
                raise
            sock.setblocking(False)
            self._admit(sock, client)

    def _admit(self, sock: socket.socket, client: str) -> None:
        excess = len(self._connections) - self.limits.max_connections
        if excess >= _OVERFLOW:
            self.tally.turned_away += 1
            sock.close()
            return
        connection = Connection(sock, client, self)
        self._connections.add(connection)
        self.tally.open = len(self._connections)
        if excess >= 0:
            self.tally.turned_away += 1
            connection.turn_away()
        else:
            self.tally.accepted += 1

    def _accept_again(self) -> None:
        if self._listener is not None:
            self.loop.add_reader(self._listener.fileno(), self._accept)

    def _stop_accepting(self) -> None:
        if self._listener is not None:
            self.loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _check(self) -> None:
        now = self.loop.time()
        for connection in list(self._connections):
            connection.check(now)
        self.tally.publish()
        if self.access_log is not None:
            self.access_log.flush()
        self.loop.call_later(_CHECK_S, self._check)


def _allow_descriptors(wanted: int) -> None:
    """Raise our own soft limit as far as the hard one lets us; beyond it, accepting pauses instead of failing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
