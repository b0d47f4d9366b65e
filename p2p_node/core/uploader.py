"""The upload side: checks the peers' requests, queues them, and hands out blocks as the link has room.

With BEP 6 each request gets exactly one reply: the block or a reject. Without it, a request not answered is dropped.
"""

from __future__ import annotations

from collections import deque

from p2p_node.boundary import Effect, Send, Serve
from p2p_node.core.allowed_fast import SET_SIZE, allowed_fast_set
from p2p_node.core.connection import Connection
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import AllowedFast, Cancel, Choke, Reject, Request, Unchoke
from p2p_node.wire.metainfo import Metainfo

MAX_REQUEST = 128 * 1024
"""Longest block served; clients ask for 16 KiB, a few for more."""

MAX_UPLOADS = 2000
"""Requests of one peer that wait; as many as libtorrent keeps."""


class Uploader:
    """What peers ask this node for. Appends to the effects list that it shares with its swarm."""

    def __init__(self, metainfo: Metainfo, effects: list[Effect]) -> None:
        self._metainfo = metainfo
        self._effects = effects
        self.uploaded = 0

    def requested(self, connection: Connection, request: Request, have: int) -> None:
        """A peer asks for a block. Raises ProtocolError when no such block can exist."""
        self._check(request)
        served = have >> request.piece & 1 and len(connection.uploads) < MAX_UPLOADS
        if not served or (connection.am_choking and not self._spend_grant(connection, request)):
            self._reject(connection, request)
            return
        connection.requested |= 1 << request.piece
        if not connection.uploads:
            self._effects.append(Serve(connection.id))
        connection.uploads.append(request)

    def cancelled(self, connection: Connection, cancel: Cancel) -> None:
        """A peer no longer needs a block it asked for."""
        request = Request(cancel.piece, cancel.begin, cancel.length)
        if request in connection.uploads:
            connection.uploads.remove(request)
            self._reject(connection, request)

    def next_upload(self, connection: Connection, now: float) -> Request | None:
        """The next block to send on this connection, now taken off its queue."""
        if not connection.uploads:
            return None
        request = connection.uploads.popleft()
        connection.upload.add(request.length, now)
        connection.last_sent = now
        self.uploaded += request.length
        return request

    def choke(self, connection: Connection) -> None:
        """Answer no more of this peer's requests, but for pieces granted to it."""
        connection.am_choking = True
        self._effects.append(Send(connection.id, Choke()))
        waiting, connection.uploads = connection.uploads, deque()
        for request in waiting:
            if self._spend_grant(connection, request):
                connection.uploads.append(request)
            else:
                self._reject(connection, request)

    def unchoke(self, connection: Connection) -> None:
        """Answer this peer's requests from now on."""
        connection.am_choking = False
        self._effects.append(Send(connection.id, Unchoke()))

    def grant(self, connection: Connection) -> None:
        """Let a peer that is just starting have a few pieces even while it is choked (BEP 6)."""
        if not connection.fast or connection.granted or connection.have.bit_count() >= SET_SIZE:
            return
        host, _ = connection.address
        for piece in allowed_fast_set(self._metainfo.info_hash, host, self._metainfo.piece_count):
            connection.granted |= 1 << piece
            connection.fast_budget += self._metainfo.piece_size(piece)
            self._effects.append(Send(connection.id, AllowedFast(piece)))

    def _spend_grant(self, connection: Connection, request: Request) -> bool:
        granted = connection.granted >> request.piece & 1 and connection.have.bit_count() <= SET_SIZE
        if not granted or connection.fast_budget < request.length:
            return False
        connection.fast_budget -= request.length
        return True

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
