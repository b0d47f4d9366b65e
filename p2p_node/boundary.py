"""Everything that crosses the core: effects it asks for. Inputs are the methods of `core.node.Node`.

The core never does IO. It answers each input with effects, in order, which a shell performs over real sockets and a
simulated lab in virtual time. Times are seconds of the caller's clock, always passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from p2p_node.wire.address import Address
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Message, Requests

ConnectionId: TypeAlias = int
"""Names a connection; chosen by whoever performs effects, never reused."""


class Dial(msgspec.Struct, frozen=True):
    """Connect to this address; answered by `connected` or `dial_failed`."""

    address: Address


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send this on a connection."""

    connection: ConnectionId
    message: Handshake | Message


class Serve(msgspec.Struct, frozen=True, gc=False):
    """Blocks wait to be uploaded: take them with `next_upload` until it has none."""


class Close(msgspec.Struct, frozen=True):
    """End this connection, for this reason."""

    connection: ConnectionId
    reason: str


class Store(msgspec.Struct, frozen=True, gc=False):
    """Keep these blocks, side by side, of a piece that is not yet verified. Copy them before the next input. Without
    blocks: of a piece that is all padding, which is zeros."""

    piece: int
    begin: int
    blocks: Sequence[bytes | memoryview]


class Verify(msgspec.Struct, frozen=True, gc=False):
    """Every block of the piece was stored: hash it, write it, and answer with `piece_verified`."""

    piece: int


class Discard(msgspec.Struct, frozen=True, gc=False):
    """Forget the blocks stored for this piece."""

    piece: int


class HashLeaves(msgspec.Struct, frozen=True, gc=False):
    """Hash each block of these consecutive pieces, verified or all of whose blocks are stored; answered by
    `leaves_hashed`, with no hashes when they cannot be read. Never asked for while an answer is due."""

    pieces: range


class Announce(msgspec.Struct, frozen=True):
    """GET this URL of a tracker; answered by `announced` or `announce_failed`."""

    tracker: str
    url: str


class FetchRange(msgspec.Struct, frozen=True):
    """GET these bytes of a file of `size` bytes from a web seed; answered by `range_received`, and by `range_failed` if
    they do not all come. `number` is never reused, but for the ranges of consecutive files that continue each other."""

    number: int
    url: str
    start: int
    end: int
    size: int


class CancelRange(msgspec.Struct, frozen=True):
    """No more of this range is needed; no answer."""

    number: int


class SendDatagram(msgspec.Struct, frozen=True):
    """Send this over UDP from the peer's own port to an address whose host may be a name; what comes back is
    `datagram_received`. Answered by `datagram_failed` when the name leads nowhere, and else by nothing."""

    address: Address
    data: bytes


class Seek(msgspec.Struct, frozen=True):
    """Look, by the host's discovery, for who has the torrent of this key; what it finds is `learn`ed."""

    key: bytes


class Provide(msgspec.Struct, frozen=True):
    """Let others find, by the host's discovery, that the torrent of this key is to be had on this port."""

    key: bytes
    port: int


class Withdraw(msgspec.Struct, frozen=True):
    """Undo `Provide`."""

    key: bytes


class Notice(msgspec.Struct, frozen=True):
    """Something that a person should know went wrong, in one line."""

    text: str


class Complete(msgspec.Struct, frozen=True):
    """Every piece is verified; said once."""


class Learned(msgspec.Struct, frozen=True):
    """The torrent's info dictionary was fetched from peers and has the right hash; said once."""

    raw_info: bytes


class Upload(msgspec.Struct, frozen=True, gc=False):
    """Blocks to send on a connection now; not an effect but what `next_upload` returns. Answered by `drained` when the
    socket has taken them."""

    connection: ConnectionId
    requests: Requests
    unsent: int
    """Bytes that the socket may hold unsent, so that little is sent in vain."""


Effect: TypeAlias = (
    Dial
    | Send
    | Serve
    | Close
    | Store
    | Verify
    | Discard
    | HashLeaves
    | Announce
    | SendDatagram
    | FetchRange
    | CancelRange
    | Seek
    | Provide
    | Withdraw
    | Notice
    | Complete
    | Learned
)
