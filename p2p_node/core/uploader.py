"""The upload side: checks the peers' requests, queues them, and hands out blocks as the link has room.

Connections take turns, whoever waited longest first, as few at once as fill the link (see `lanes`). Serving requests in
the order of their arrival instead would favour whoever has asked for most, and so whoever was fast already: in a flash
crowd of 16 the last peer then needs 1.30 times the bound, with turns 1.11.
"""

from __future__ import annotations

from collections import deque

from p2p_node.boundary import Effect, Send, Serve, Upload
from p2p_node.core.connection import Connection
from p2p_node.core.lanes import MOST_REQUESTS, Lanes
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import Cancel, Choke, Reject, Request, Unchoke
from p2p_node.wire.metainfo import Metainfo

MAX_REQUEST = 128 * 1024
"""Longest block served; clients ask for 16 KiB, a few for more."""

MAX_UPLOADS = 2000
"""Requests of one peer that wait; as many as libtorrent keeps."""


class Uploader:
    """What peers ask this node for. Appends to the effects list that it shares with its swarm."""

    def __init__(self, metainfo: Metainfo, effects: list[Effect], now: float) -> None:
        self._metainfo = metainfo
        self._effects = effects
        self._lanes = Lanes(now)
        self._waiting: dict[Connection, None] = {}
        """Connections with requests that have no lane, in the order of their turns."""
        self.uploaded = 0

    def requested(self, connection: Connection, request: Request, have: int) -> None:
        """A peer asks for a block. Raises ProtocolError when no such block can exist."""
        self._check(request)
        if connection.am_choking or not have >> request.piece & 1 or len(connection.uploads) >= MAX_UPLOADS:
            self._reject(connection, request)
            return
        connection.requested |= 1 << request.piece
        if not connection.uploads and not self._lanes.holds(connection):
            self._waiting[connection] = None
            self._effects.append(Serve())
        connection.uploads.append(request)

    def cancelled(self, connection: Connection, cancel: Cancel) -> None:
        """A peer no longer needs a block it asked for."""
        wanted = Request(cancel.piece, cancel.begin, cancel.length)
        if wanted in connection.uploads:
            connection.uploads.remove(wanted)
            self._reject(connection, wanted)
        if not connection.uploads:
            self._waiting.pop(connection, None)

    def next_upload(self, most: int, now: float) -> Upload | None:
        """The next blocks to send, at most `most` bytes unless one is longer, now taken off their queue."""
        if not self._lanes.free:
            return None
        if not self._waiting:
            self._lanes.idle(now)
            return None
        connection = next(iter(self._waiting))
        del self._waiting[connection]
        requests, size = _take_run(connection.uploads, min(most, connection.turn))
        self._lanes.take(connection, size, now)
        connection.upload.add(size, now)
        connection.last_sent = now
        self.uploaded += size
        return Upload(connection.id, requests, connection.turn)

    def drained(self, connection: Connection, now: float) -> None:
        """The socket has taken what `next_upload` gave for it."""
        self._lanes.give_back(connection, now)
        if connection.uploads:
            self._waiting[connection] = None

    def left(self, connection: Connection) -> None:
        """The connection ended."""
        self._lanes.left(connection)
        self._waiting.pop(connection, None)

    def choke(self, connection: Connection) -> None:
        """Answer no more of this peer's requests."""
        connection.am_choking = True
        self._effects.append(Send(connection.id, Choke()))
        for request in connection.uploads:
            self._reject(connection, request)
        connection.uploads.clear()
        self._waiting.pop(connection, None)

    def unchoke(self, connection: Connection) -> None:
        """Answer this peer's requests from now on."""
        connection.am_choking = False
        self._effects.append(Send(connection.id, Unchoke()))

    def _reject(self, connection: Connection, request: Request) -> None:
        # BEP 6 promises exactly one reply to each request; without it silence means no.
        if connection.fast:
            self._effects.append(Send(connection.id, Reject(request.piece, request.begin, request.length)))

    def _check(self, request: Request) -> None:
        if request.piece >= self._metainfo.piece_count:
            raise ProtocolError(f"request for piece {request.piece} of {self._metainfo.piece_count}")
        if not 0 < request.length <= MAX_REQUEST:
            raise ProtocolError(f"request for {request.length} bytes")
        if request.begin + request.length > self._metainfo.piece_size(request.piece):
            raise ProtocolError(f"request past the end of piece {request.piece}")


def _take_run(uploads: deque[Request], most: int) -> tuple[list[Request], int]:
    """Take the first requests that lie side by side in one piece, at most `most` bytes but at least one request."""
    first = uploads.popleft()
    run = [first]
    piece, end = first.piece, first.begin + first.length
    most += first.begin
    while uploads and len(run) < MOST_REQUESTS:
        request = uploads[0]
        if request.piece != piece or request.begin != end or end + request.length > most:
            break
        run.append(request)
        end += request.length
        uploads.popleft()
    return run, end - first.begin
