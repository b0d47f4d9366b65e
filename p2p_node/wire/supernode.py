"""The frames that supernodes exchange, one a datagram; and the one by which a leaf asks which supernodes there are.

Every frame is a magic, a byte that tells its kind, and a body whose length its kind decides. Leaves else speak the
tracker protocol (BEP 15), so that any client can be one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

import msgspec

from p2p_node.wire.address import Address, pack_mixed, unpack_mixed
from p2p_node.wire.errors import ProtocolError

MAGIC = b"\xf6SB\x01"
"""Begins no bencoding, no BEP 15 request, no BEP 29 header and no gossip."""

LOOKUP = 8
"""Bytes of a lookup's id."""

MAX_NODES = 64
MAX_PEERS = 66
"""Addresses in one frame: of IPv6, they still are a datagram that no path fragments."""

MAX_NEWS = 48
"""Keys in one frame of news."""

PART = 1024
MAX_PARTS = 16
"""Bytes of a part of a summary, and parts: 16 KiB are enough for a full registry."""

_HEAD = len(MAGIC) + 1
_KEY = 20
_PING = struct.Struct(">QI")
_ENQUIRY = struct.Struct(">Q")
_PART = struct.Struct(">IBB")
_NEWS = struct.Struct(">II")
_QUERY = struct.Struct(">I8s20sB")
_HIT = struct.Struct(">I8s")


class Ping(msgspec.Struct, frozen=True):
    """Are you there? My summary has this version."""

    nonce: int
    version: int


class Pong(msgspec.Struct, frozen=True):
    """I am here, and received your nonce; my summary has this version."""

    nonce: int
    version: int


class Nodes(msgspec.Struct, frozen=True):
    """Supernodes that the sender knows to be there."""

    nodes: tuple[Address, ...]


class Enquiry(msgspec.Struct, frozen=True):
    """A leaf asks for `Nodes`; the connection id (BEP 15) that it was given shows that it receives at its address."""

    connection: int


class SummaryWanted(msgspec.Struct, frozen=True):
    """Send me your summary."""


class SummaryPart(msgspec.Struct, frozen=True):
    """One of `count` parts of the summary of this version; all but the last have PART bytes."""

    version: int
    number: int
    count: int
    bits: bytes


class News(msgspec.Struct, frozen=True):
    """Keys that turn the summary of version `before` into the one of `version`."""

    before: int
    version: int
    keys: tuple[bytes, ...]


class Query(msgspec.Struct, frozen=True, gc=False):
    """Which peers are registered with you for this key? On behalf of a lookup; `number` is the asking supernode's."""

    number: int
    lookup: bytes
    key: bytes
    wanted: int


class Hit(msgspec.Struct, frozen=True):
    """The peers, none too, that a query asked for."""

    number: int
    lookup: bytes
    peers: tuple[Address, ...]


Frame: TypeAlias = Ping | Pong | Nodes | Enquiry | SummaryWanted | SummaryPart | News | Query | Hit


class _Kind(IntEnum):
    PING = 0
    PONG = 1
    NODES = 2
    ENQUIRY = 3
    SUMMARY_WANTED = 4
    SUMMARY_PART = 5
    NEWS = 6
    QUERY = 7
    HIT = 8


_HEADS = {kind: MAGIC + bytes([kind]) for kind in _Kind}


def encode(frame: Frame) -> bytes:
    """The datagram of a frame."""
    match frame:
        case Query(number, lookup, key, wanted):
            return _HEADS[_Kind.QUERY] + _QUERY.pack(number, lookup, key, wanted)
        case Hit(number, lookup, peers):
            return _HEADS[_Kind.HIT] + _HIT.pack(number, lookup) + pack_mixed(peers)
        case Ping(nonce, version):
            return _HEADS[_Kind.PING] + _PING.pack(nonce, version)
        case Pong(nonce, version):
            return _HEADS[_Kind.PONG] + _PING.pack(nonce, version)
        case Nodes(nodes):
            return _HEADS[_Kind.NODES] + pack_mixed(nodes)
        case Enquiry(connection):
            return _HEADS[_Kind.ENQUIRY] + _ENQUIRY.pack(connection)
        case SummaryWanted():
            return _HEADS[_Kind.SUMMARY_WANTED]
        case SummaryPart(version, number, count, bits):
            return _HEADS[_Kind.SUMMARY_PART] + _PART.pack(version, number, count) + bits
        case News(before, version, keys):
            return _HEADS[_Kind.NEWS] + _NEWS.pack(before, version) + b"".join(keys)


def is_frame(data: bytes) -> bool:
    """Whether a datagram is of this protocol, be it well formed or not."""
    return data.startswith(MAGIC)


def decode(data: bytes) -> Frame:
    """Read a datagram that `is_frame`; raises ProtocolError."""
    read = _READERS.get(data[_HEAD - 1]) if len(data) >= _HEAD else None
    if read is None:
        raise ProtocolError("supernode frame of unknown kind")
    try:
        return read(data[_HEAD:])
    except struct.error:
        raise ProtocolError(f"supernode frame of {len(data)} bytes") from None


def _read_part(body: bytes) -> SummaryPart:
    version, number, count = _PART.unpack_from(body)
    bits = body[_PART.size :]
    whole = len(bits) == PART if number + 1 < count else 0 < len(bits) <= PART
    if not number < count <= MAX_PARTS or not whole:
        raise ProtocolError(f"part {number} of {count} of a summary with {len(bits)} bytes")
    return SummaryPart(version, number, count, bits)


def _read_news(body: bytes) -> News:
    before, version = _NEWS.unpack_from(body)
    keys = body[_NEWS.size :]
    if len(keys) % _KEY or not 0 < len(keys) // _KEY <= MAX_NEWS:
        raise ProtocolError(f"news of {len(keys)} bytes")
    return News(before, version, tuple(keys[at : at + _KEY] for at in range(0, len(keys), _KEY)))


def _read_hit(body: bytes) -> Hit:
    number, lookup = _HIT.unpack_from(body)
    return Hit(number, lookup, unpack_mixed(body[_HIT.size :], MAX_PEERS))


def _read_wanted(body: bytes) -> SummaryWanted:
    if body:
        raise ProtocolError("supernode frame with a tail")
    return SummaryWanted()


_READERS: dict[int, Callable[[bytes], Frame]] = {
    _Kind.PING: lambda body: Ping(*_PING.unpack(body)),
    _Kind.PONG: lambda body: Pong(*_PING.unpack(body)),
    _Kind.NODES: lambda body: Nodes(unpack_mixed(body, MAX_NODES)),
    _Kind.ENQUIRY: lambda body: Enquiry(*_ENQUIRY.unpack(body)),
    _Kind.SUMMARY_WANTED: _read_wanted,
    _Kind.SUMMARY_PART: _read_part,
    _Kind.NEWS: _read_news,
    _Kind.QUERY: lambda body: Query(*_QUERY.unpack(body)),
    _Kind.HIT: _read_hit,
}
