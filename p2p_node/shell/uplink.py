"""The uplink: sends the blocks that the core hands out, as fast as the sockets and the rate cap take them.

A run of blocks is read from the file in one call, each block behind the room for its header, and written in one call.
"""

from __future__ import annotations

import asyncio
import mmap
from collections.abc import Callable, Mapping

from p2p_node.boundary import ConnectionId, Upload
from p2p_node.core.lanes import MOST, MOST_REQUESTS
from p2p_node.core.node import Node
from p2p_node.shell.connection import UNBOUNDED, PeerConnection
from p2p_node.shell.errors import NodeError
from p2p_node.shell.storage import Storage
from p2p_node.shell.throttle import TokenBucket
from p2p_node.wire.messages import BLOCK, PIECE_HEADER, frame_blocks

_ROOM = MOST + MOST_REQUESTS * PIECE_HEADER

_AT = 64 - PIECE_HEADER
"""Where in a page the messages begin. The kernel reads a file for 0.11 CPU-s/GiB, but for up to 0.38 to memory that
begins less than 32 bytes further on in its page than the file's bytes do in theirs (0050)."""

_SPARE = 4
"""Buffers kept for the next run; a fresh one costs page faults."""

_POOLED_FROM = 4 * BLOCK
"""Shorter runs get a buffer of their own: a slow link holds it for long, and need not hold a whole one."""

_spare: list[memoryview] = []
"""For the whole process: a buffer is in use only while a socket has not taken all of it."""


class Uplink:
    """Serves the connections of one peer; `failed` is told when the file cannot be read."""

    def __init__(
        self,
        node: Node,
        storage: Storage,
        connections: Mapping[ConnectionId, PeerConnection],
        rate: TokenBucket | None,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._node = node
        self._storage = storage
        self._connections = connections
        self._rate = rate
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._sending: dict[ConnectionId, memoryview] = {}
        """What sockets have not taken yet."""
        self._waking: asyncio.TimerHandle | None = None

    def serve(self) -> None:
        """Send what waits, while there are lanes and the rate allows."""
        most = BLOCK if self._rate else MOST
        while True:
            now = self._loop.time()
            if self._rate is not None and (delay := self._rate.delay(now)) > 0:
                if self._waking is None:
                    self._waking = self._loop.call_later(delay, self._wake)
                return
            upload = self._node.next_upload(most, now)
            if upload is None:
                return
            try:
                self._send(upload, now)
            except (OSError, NodeError) as error:
                self._failed(error)
                return

    def drained(self, connection: PeerConnection) -> None:
        """The socket of this connection has taken everything."""
        buffer = self._sending.pop(connection.number, None)
        if buffer is not None:
            _recycle(buffer)
            self._node.drained(connection.number, self._loop.time())
            self.serve()

    def left(self, connection: PeerConnection) -> None:
        """The connection ended."""
        self._sending.pop(connection.number, None)

    def stop(self) -> None:
        """Send nothing more."""
        if self._waking is not None:
            self._waking.cancel()

    def _wake(self) -> None:
        self._waking = None
        self.serve()

    def _send(self, upload: Upload, now: float) -> None:
        connection = self._connections.get(upload.connection)
        if connection is None:  # its end is under way, and frees its lane
            return
        requests = upload.requests
        size = requests.count * requests.length
        room = size + requests.count * PIECE_HEADER
        buffer = memoryview(bytearray(room)) if size < _POOLED_FROM else _pooled_buffer()
        self._storage.read(requests.piece, requests.begin, frame_blocks(buffer, requests))
        if self._rate is not None:
            self._rate.take(size, now)
        connection.allow_unsent(upload.unsent if upload.unsent < MOST else UNBOUNDED)
        if connection.write(buffer[:room]):
            _recycle(buffer)
            self._node.drained(upload.connection, now)
        else:
            self._sending[upload.connection] = buffer


def _pooled_buffer() -> memoryview:
    return _spare.pop() if _spare else memoryview(mmap.mmap(-1, _AT + _ROOM))[_AT:]


def _recycle(buffer: memoryview) -> None:
    if len(buffer) == _ROOM and len(_spare) < _SPARE:
        _spare.append(buffer)
