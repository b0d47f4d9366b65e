"""The peer-wire messages (BEP 3, BEP 6, BEP 10), each a small frozen value, and their encoding.

Fields that name a piece are piece indices; `begin` and `length` are bytes within the piece.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

BLOCK = 16 * 1024
"""What clients request at a time; many refuse more."""

RUN = 64 * BLOCK
"""Longest run of blocks in one message between peers that both take such: what a connection is handed in a turn.
Whatever its length, a run costs both ends together 0.1 ms of Python."""

_HEAD = struct.Struct(">IB")
_HEAD_INDEX = struct.Struct(">IBI")
_HEAD_RANGE = struct.Struct(">IBIII")
_HEAD_PIECE = struct.Struct(">IBII")
_HEAD_HASHES = struct.Struct(">IB32sIIII")

PIECE_HEADER = _HEAD_PIECE.size
"""Bytes of a piece message that precede its block."""

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL, PORT = range(10)
SUGGEST, HAVE_ALL, HAVE_NONE, REJECT, ALLOWED_FAST = range(13, 18)
EXTENDED, HASH_REQUEST, HASHES, HASH_REJECT = range(20, 24)


class KeepAlive(msgspec.Struct, frozen=True):
    """Nothing, said so that the connection is not taken for dead."""


class Choke(msgspec.Struct, frozen=True):
    """I will answer no more requests for now."""


class Unchoke(msgspec.Struct, frozen=True):
    """I will answer requests."""


class Interested(msgspec.Struct, frozen=True):
    """You have something that I want."""


class NotInterested(msgspec.Struct, frozen=True):
    """You have nothing that I want."""


class Have(msgspec.Struct, frozen=True):
    """I now have this piece, verified."""

    piece: int


class Haves(msgspec.Struct, frozen=True):
    """I now have these pieces: as many HAVE messages, sent or received together."""

    pieces: tuple[int, ...]


class Bitfield(msgspec.Struct, frozen=True):
    """The pieces that I have, one bit each, the first in the highest bit."""

    bits: bytes


class Request(msgspec.Struct, frozen=True, gc=False):
    """Please send this block."""

    piece: int
    begin: int
    length: int


class Requests(msgspec.Struct, frozen=True, gc=False):
    """Please send these `count` blocks of `length` bytes that lie side by side: as many requests, sent together."""

    piece: int
    begin: int
    length: int
    count: int


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A block. `data` may be a view of a receive buffer: copy it before the next input."""

    piece: int
    begin: int
    data: bytes | memoryview


class Blocks(msgspec.Struct, frozen=True, gc=False):
    """Blocks of one length that lie side by side: as many piece messages, received together. As with `Piece`, copy
    them."""

    piece: int
    begin: int
    blocks: Sequence[bytes | memoryview]


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """This block is not needed any more."""

    piece: int
    begin: int
    length: int


class Port(msgspec.Struct, frozen=True):
    """My DHT node listens on this UDP port (BEP 5)."""

    port: int


class Suggest(msgspec.Struct, frozen=True):
    """This piece would be cheap for me to send (BEP 6)."""

    piece: int


class HaveAll(msgspec.Struct, frozen=True):
    """I have every piece; in place of a bitfield (BEP 6)."""


class HaveNone(msgspec.Struct, frozen=True):
    """I have no piece; in place of a bitfield (BEP 6)."""


class Reject(msgspec.Struct, frozen=True, gc=False):
    """I will not send this block (BEP 6)."""

    piece: int
    begin: int
    length: int


class AllowedFast(msgspec.Struct, frozen=True):
    """You may request this piece even while you are choked (BEP 6)."""

    piece: int


class Extended(msgspec.Struct, frozen=True):
    """An extension message (BEP 10): the number that the receiver chose for it (0: the handshake), and its payload."""

    number: int
    payload: bytes


class HashRange(msgspec.Struct, frozen=True):
    """Hashes of the file with this pieces root (BEP 52): `length` of them from `index` on, in the layer `base` above
    the leaves, and their uncles up to `proof` layers above that."""

    root: bytes
    base: int
    index: int
    length: int
    proof: int


class HashRequest(HashRange, frozen=True):
    """Please send these hashes."""


class Hashes(HashRange, frozen=True):
    """These are the hashes: the layer's first, then the uncles upwards, 32 bytes each."""

    hashes: bytes


class HashReject(HashRange, frozen=True):
    """I will not send these hashes."""


Message: TypeAlias = (
    KeepAlive
    | Choke
    | Unchoke
    | Interested
    | NotInterested
    | Have
    | Haves
    | Bitfield
    | Request
    | Requests
    | Piece
    | Blocks
    | Cancel
    | Port
    | Suggest
    | HaveAll
    | HaveNone
    | Reject
    | AllowedFast
    | Extended
    | HashRequest
    | Hashes
    | HashReject
)

_BARE: dict[type, bytes] = {
    KeepAlive: bytes(4),
    Choke: _HEAD.pack(1, CHOKE),
    Unchoke: _HEAD.pack(1, UNCHOKE),
    Interested: _HEAD.pack(1, INTERESTED),
    NotInterested: _HEAD.pack(1, NOT_INTERESTED),
    HaveAll: _HEAD.pack(1, HAVE_ALL),
    HaveNone: _HEAD.pack(1, HAVE_NONE),
}


def encode(message: Message) -> bytes:
    """The message as a frame, its length first."""
    match message:
        case Request(piece, begin, length):
            return _HEAD_RANGE.pack(13, REQUEST, piece, begin, length)
        case Requests(piece, begin, length, count):
            begins = [begin + number * length for number in range(count)]
            return b"".join([_HEAD_RANGE.pack(13, REQUEST, piece, at, length) for at in begins])
        case Have(piece):
            return _HEAD_INDEX.pack(5, HAVE, piece)
        case Haves(pieces):
            return b"".join([_HEAD_INDEX.pack(5, HAVE, piece) for piece in pieces])
        case Piece(piece, begin, data):
            return _HEAD_PIECE.pack(9 + len(data), PIECE, piece, begin) + data
        case Blocks(piece, begin, blocks):
            ends = itertools.accumulate(map(len, blocks), initial=begin)
            return b"".join(encode(Piece(piece, at, block)) for at, block in zip(ends, blocks, strict=False))
        case Cancel(piece, begin, length):
            return _HEAD_RANGE.pack(13, CANCEL, piece, begin, length)
        case Reject(piece, begin, length):
            return _HEAD_RANGE.pack(13, REJECT, piece, begin, length)
        case Bitfield(bits):
            return _HEAD.pack(1 + len(bits), BITFIELD) + bits
        case Suggest(piece):
            return _HEAD_INDEX.pack(5, SUGGEST, piece)
        case AllowedFast(piece):
            return _HEAD_INDEX.pack(5, ALLOWED_FAST, piece)
        case Extended(number, payload):
            return _HEAD.pack(2 + len(payload), EXTENDED) + bytes([number]) + payload
        case HashRequest():
            return _hash_range(HASH_REQUEST, message)
        case Hashes():
            return _hash_range(HASHES, message, message.hashes)
        case HashReject():
            return _hash_range(HASH_REJECT, message)
        case Port(port):
            return _HEAD.pack(3, PORT) + port.to_bytes(2, "big")
    return _BARE[type(message)]


def in_blocks(requests: Requests) -> list[Requests]:
    """The blocks that requests for runs of them stand for; the last may be short."""
    whole, short = divmod(requests.length * requests.count, BLOCK)
    found = [Requests(requests.piece, requests.begin, BLOCK, whole)] if whole else []
    if short:
        found.append(Requests(requests.piece, requests.begin + whole * BLOCK, short, 1))
    return found


def stretch(requests: Requests, start: int, stop: int) -> Requests:
    """The requests number `start` up to but without number `stop`."""
    return Requests(requests.piece, requests.begin + start * requests.length, requests.length, stop - start)


def frame_blocks(buffer: memoryview, answered: Requests) -> list[memoryview]:
    """Write the piece messages that answer these requests to `buffer`, except the blocks themselves; returns where they
    belong."""
    piece, length = answered.piece, answered.length
    position = PIECE_HEADER
    blocks = []
    for begin in range(answered.begin, answered.begin + answered.count * length, length):
        _HEAD_PIECE.pack_into(buffer, position - PIECE_HEADER, 9 + length, PIECE, piece, begin)
        blocks.append(buffer[position : position + length])
        position += PIECE_HEADER + length
    return blocks


def _hash_range(kind: int, message: HashRange, hashes: bytes = b"") -> bytes:
    fields = message.root, message.base, message.index, message.length, message.proof
    return _HEAD_HASHES.pack(49 + len(hashes), kind, *fields) + hashes
