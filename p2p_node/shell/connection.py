"""One TCP connection to a peer: bytes from the socket to messages for the core, and messages and blocks to the
socket."""

from __future__ import annotations

import asyncio
import mmap
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from p2p_node.boundary import ConnectionId
from p2p_node.shell.landing import Landing
from p2p_node.wire import handshake
from p2p_node.wire.address import Address, is_loopback
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.frames import MAX_FRAME, decode_frames, missing_bytes, piece_head
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import BLOCK, PIECE_HEADER, Message, Piece

if TYPE_CHECKING:
    from p2p_node.shell.peer import Peer

TCP_NOTSENT_LOWAT = 25
"""Linux' number of the option (see tcp(7)); Python names it from 3.13 on."""

UNBOUNDED = 1 << 30
"""Bytes that a socket may hold unsent on the fastest links: its buffer is sent in milliseconds there, and a bound only
splits what is written into more calls (4 % of a seed's CPU)."""

TRICKLE = 8 * 1024
"""A read of fewer bytes means that the link is slower than the reader."""

WORTH_SLEEPING = 3 * 1448
"""A frame that misses more bytes than this is not looked at until it is whole (SO_RCVLOWAT): nothing in it or behind it
could be used before. On a slow link this saves a wake-up a packet, two thirds of what a peer costs there."""

READ = 512 * 1024
"""Bytes received at once at most: what is read is still in the processor's cache when it is copied to its piece."""

WORTH_LANDING = 8 * BLOCK
"""Runs from this size on are received where they belong. It takes a call for their head and one for them at least,
which costs as much as copying a quarter of this."""

MAX_UNREAD = 4 << 20
"""Bytes that wait for a peer to read them, beyond which it is cut off: more than two turns of blocks and every answer
that an honest peer may have coming."""

LINGER_S = 5.0
"""How long a connection that is to end waits for its peer to read what was sent before."""

UNPACED = b"reno"
"""Congestion control, which every Linux has and lets everybody choose, of connections within this machine: there is no
queue on their way, and where BBR is the system's choice its timers hold back whoever sends on request (ADR 0078)."""

_receive_buffer = memoryview(mmap.mmap(-1, MAX_FRAME + 4 + READ))
"""One for the process: it is filled and emptied within one callback, and an idle connection then costs no buffer. A map
takes memory only for what was ever used of it."""


@dataclass(slots=True)
class Traffic:
    """Bytes over a peer's connections, protocol and payload, without what TCP/IP adds."""

    received: int = 0
    sent: int = 0


class PeerConnection(asyncio.BufferedProtocol):
    """Feeds `Peer.handshake` and `Peer.messages`; keeps the incomplete rest of what it received, but receives long runs
    of blocks where they belong."""

    def __init__(self, peer: Peer, number: ConnectionId, outgoing: bool) -> None:
        self.number = number
        self.address: Address = ("", 0)
        self.made = False
        """Whether the peer was told of it."""
        self._writable = True
        self.transport: asyncio.Transport | None = None
        self._peer = peer
        self._outgoing = outgoing
        self._shaken = False
        self._rest = b""
        self._landing: Landing | None = None
        self._landed = False
        """Whether a run has just landed: another is likely to follow, of which only the head is to be received here."""
        self._socket: socket.socket | None = None
        self._wake_at = 1
        self._unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected; one that was lost before anybody looked at it is never told of."""
        transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        if name is None:
            transport.abort()
            return
        self.made = True
        self.transport, self.address = transport, name[:2]
        transport.set_write_buffer_limits(high=0)  # so that `write` tries the socket at once and tells the outcome
        self._socket = socket.socket(fileno=transport.get_extra_info("socket").fileno())
        self.allow_unsent(BLOCK)
        if is_loopback(self.address[0]):
            with suppress(OSError, AttributeError):  # not Linux
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, UNPACED)
        self._peer.connection_made(self, self.address, self._outgoing)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self.transport = None
        if self._landing is not None:
            self._peer.landed(self._landing)
        if self._socket is not None:
            self._socket.detach()  # the transport closes it
            self._socket = None
        self._peer.connection_lost(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to receive to: behind the rest of last time, or where it belongs."""
        if self._landing is not None:
            return self._landing.rest
        kept = len(self._rest)
        _receive_buffer[:kept] = self._rest
        return _receive_buffer[kept : PIECE_HEADER if self._landed else kept + READ]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes were received."""
        self._peer.traffic.received += nbytes
        if self._landing is not None:
            self._land(self._landing, nbytes)
            return
        end = len(self._rest) + nbytes
        position = 0
        try:
            if not self._shaken:
                handshake.check_prefix(bytes(_receive_buffer[: min(end, 20)]))
                if end >= handshake.LENGTH:
                    self._shaken = True
                    position = handshake.LENGTH
                    self._peer.handshake(self, Handshake.decode(bytes(_receive_buffer[:position])))
            messages: list[Message] = []
            if self._shaken:
                messages, used = decode_frames(_receive_buffer[position:end])
                position += used
        except ProtocolError as error:
            self._peer.misbehaved(self, str(error))
            return
        if messages:
            self._peer.messages(self, messages, nbytes)
        rest = _receive_buffer[position:end]
        self._landed = self._landed and 0 < len(rest) < PIECE_HEADER
        self._landing = self._begin_landing(rest)
        self._rest = b"" if self._landing is not None else bytes(rest)
        self._sleep_until_whole(nbytes)

    def _begin_landing(self, rest: memoryview) -> Landing | None:
        head = piece_head(rest) if self._shaken else None
        if head is None or head[2] < WORTH_LANDING:
            return None
        landing = self._peer.land(self, *head)
        if landing is not None:
            landing.put(rest[PIECE_HEADER:])
        return landing

    def _land(self, landing: Landing, received: int) -> None:
        landing.filled += received
        if landing.whole:
            self._landing = None
            self._landed = True
            self._peer.landed(landing)
            run = Piece(landing.piece, landing.begin, landing.memory)
            self._peer.messages(self, [run], PIECE_HEADER + len(landing.memory))

    def _sleep_until_whole(self, received: int) -> None:
        missing = missing_bytes(self._rest) if self._shaken and received < TRICKLE else 1
        wake_at = missing if missing > WORTH_SLEEPING else 1
        if wake_at != self._wake_at and self._socket is not None:
            self._wake_at = wake_at
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wake_at)

    def write(self, data: bytes | memoryview) -> bool:
        """Send this; returns whether the socket has taken everything. If not, `Peer.drained` is told when it has, and
        until then `data` must stay as it is."""
        if self.transport is not None:
            self._peer.traffic.sent += len(data)
            self.transport.write(data)
            if not self._writable and self.transport.get_write_buffer_size() > MAX_UNREAD:
                asyncio.get_running_loop().call_soon(self._peer.misbehaved, self, "does not read what it is sent")
        return self._writable

    def allow_unsent(self, size: int) -> None:
        """Let the socket hold this many bytes that it cannot send yet: what waits here instead can still be
        cancelled."""
        if size != self._unsent and self._socket is not None:
            self._unsent = size
            self._socket.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, size)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """The socket has taken everything."""
        self._writable = True
        self._peer.drained(self)

    def close(self, abrupt: bool = False) -> None:
        """End the connection: after what is written was sent, or at once with a reset."""
        if self.transport is None:
            return
        if abrupt:
            self.transport.abort()
            return
        self.transport.close()
        if not self._writable:
            asyncio.get_running_loop().call_later(LINGER_S, self.close, True)
