"""The frames of the gossip overlay, one a datagram: HyParView's membership messages, queries and hits of a search, and
what who seeks and who has it say to each other.

Every frame is a magic, a byte that tells its kind, and a body of exact length: what is longer or shorter is refused.
Who sent a frame is where the datagram came from; only of others are addresses told.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

import msgspec

from p2p_node.wire.address import IPV4, IPV6, Address, pack_address, pack_mixed, unpack_addresses, unpack_mixed
from p2p_node.wire.errors import ProtocolError

MAGIC = b"\xf5SB\x01"
"""Begins no bencoding, no BEP 15 request and no BEP 29 header."""

COOKIE = 8
LOOKUP = 8
NONCE = 8
"""Bytes of a cookie, a lookup's id and the proofs of its rounds, and a shuffle's nonce: too many to guess."""

NO_COOKIE = bytes(COOKIE)
"""Stands in a request whose sender was given none yet."""

MAX_NODES = 8
"""Nodes named in one frame: HyParView's shuffle of one's own, 3 active and 4 passive ones."""

MAX_SIGHTINGS = 32
"""Nodes named in one hit; with IPv6 addresses it is still a datagram that no path fragments."""

MAX_REACH = 6
"""Hops that a flooded query goes at most, whatever its sender asks for; Gnutella's 7 were for networks ten times as
large as ours is made for."""

MAX_STEPS = 64
"""Hops that a random walk goes at most."""

MAX_RINGS = 8
"""Rounds that a lookup may have."""

_HEAD = len(MAGIC) + 1
_QUERY = struct.Struct(">8s20s8sBBB")
_ASK = struct.Struct(">8s20s8s")
_HAVE = struct.Struct(">8s8sH")
_IP_WIDTHS = (IPV4, IPV6)


class Join(msgspec.Struct, frozen=True):
    """Asks a contact to be let into the overlay."""

    cookie: bytes = NO_COOKIE


class Neighbor(msgspec.Struct, frozen=True):
    """Asks to become neighbours; `urgent` says that the sender has none."""

    urgent: bool
    cookie: bytes = NO_COOKIE


class Cookie(msgspec.Struct, frozen=True):
    """Ask again with this, to show that you receive at your address."""

    cookie: bytes


class Answer(msgspec.Struct, frozen=True):
    """To a request that had this cookie: whether sender and receiver are neighbours now, and nodes to know of."""

    accepted: bool
    cookie: bytes
    nodes: tuple[Address, ...] = ()


class ForwardJoin(msgspec.Struct, frozen=True):
    """Somebody joined: a random walk of `ttl` further hops carries it to who may become its neighbour."""

    joiner: Address
    ttl: int


class Disconnect(msgspec.Struct, frozen=True):
    """We are no neighbours (any more); `leaving` says that the sender leaves the overlay."""

    leaving: bool = False


class Shuffle(msgspec.Struct, frozen=True):
    """Nodes that `origin` (None: the sender) knows, on a random walk of `ttl` further hops to who swaps some for
    them."""

    nonce: bytes
    ttl: int
    origin: Address | None
    nodes: tuple[Address, ...]


class ShuffleReply(msgspec.Struct, frozen=True):
    """Nodes in return for those in the shuffle that had this nonce."""

    nonce: bytes
    nodes: tuple[Address, ...]


class Ping(msgspec.Struct, frozen=True):
    """Are you there?"""


class Pong(msgspec.Struct, frozen=True):
    """I am here."""


class Query(msgspec.Struct, frozen=True, gc=False):
    """Who has this key? On its way to all within `ttl` hops of its sender, or, when `walk`, to one node a hop.

    It has come `hops` hops when it is sent. `ring` counts the rounds of one lookup, each of which goes farther, and
    `proof` shows that who seeks began this one.
    """

    lookup: bytes
    key: bytes
    proof: bytes
    ring: int
    ttl: int
    hops: int
    walk: bool = False


class Sighting(msgspec.Struct, frozen=True):
    """A node (None: the sender) that is said to have what is looked for, `hops` hops from who seeks it."""

    node: Address | None
    hops: int


class Hit(msgspec.Struct, frozen=True):
    """Answers to a lookup, on the way back that the query came."""

    lookup: bytes
    sightings: tuple[Sighting, ...]


class Ask(msgspec.Struct, frozen=True):
    """From who seeks to a node that was sighted: do you have this? The cookie is to be shown in the answer."""

    lookup: bytes
    key: bytes
    cookie: bytes


class Have(msgspec.Struct, frozen=True):
    """To who asked with this cookie: I do, and serve it on this port."""

    lookup: bytes
    cookie: bytes
    port: int


Frame: TypeAlias = (
    Join
    | Neighbor
    | Cookie
    | Answer
    | ForwardJoin
    | Disconnect
    | Shuffle
    | ShuffleReply
    | Ping
    | Pong
    | Query
    | Hit
    | Ask
    | Have
)


class _Kind(IntEnum):
    JOIN = 0
    NEIGHBOR = 1
    NEIGHBOR_URGENTLY = 2
    COOKIE = 3
    ACCEPTED = 4
    REFUSED = 5
    FORWARD_JOIN = 6
    DISCONNECT = 7
    LEAVING = 8
    SHUFFLE = 9
    SHUFFLE_REPLY = 10
    PING = 11
    PONG = 12
    FLOOD = 13
    WALK = 14
    HIT = 15
    ASK = 16
    HAVE = 17


_HEADS = {kind: MAGIC + bytes([kind]) for kind in _Kind}


def encode(frame: Frame) -> bytes:
    """The datagram of a frame."""
    match frame:
        case Query(lookup, key, proof, ring, ttl, hops, walk):
            return _HEADS[_Kind.WALK if walk else _Kind.FLOOD] + _QUERY.pack(lookup, key, proof, ring, ttl, hops)
        case Hit(lookup, sightings):
            return _HEADS[_Kind.HIT] + lookup + b"".join(map(_pack_sighting, sightings))
        case Ask(lookup, key, cookie):
            return _HEADS[_Kind.ASK] + _ASK.pack(lookup, key, cookie)
        case Have(lookup, cookie, port):
            return _HEADS[_Kind.HAVE] + _HAVE.pack(lookup, cookie, port)
        case Ping():
            return _HEADS[_Kind.PING]
        case Pong():
            return _HEADS[_Kind.PONG]
        case Join(cookie):
            return _HEADS[_Kind.JOIN] + cookie
        case Neighbor(urgent, cookie):
            return _HEADS[_Kind.NEIGHBOR_URGENTLY if urgent else _Kind.NEIGHBOR] + cookie
        case Cookie(cookie):
            return _HEADS[_Kind.COOKIE] + cookie
        case Answer(accepted, cookie, nodes):
            return _HEADS[_Kind.ACCEPTED if accepted else _Kind.REFUSED] + cookie + pack_mixed(nodes)
        case ForwardJoin(joiner, ttl):
            return _HEADS[_Kind.FORWARD_JOIN] + bytes([ttl]) + pack_address(joiner)
        case Disconnect(leaving):
            return _HEADS[_Kind.LEAVING if leaving else _Kind.DISCONNECT]
        case Shuffle(nonce, ttl, origin, nodes):
            return _HEADS[_Kind.SHUFFLE] + nonce + bytes([ttl]) + _pack_other(origin) + pack_mixed(nodes)
        case ShuffleReply(nonce, nodes):
            return _HEADS[_Kind.SHUFFLE_REPLY] + nonce + pack_mixed(nodes)


def is_frame(data: bytes) -> bool:
    """Whether a datagram is of this protocol, be it well formed or not."""
    return data.startswith(MAGIC)


def decode(data: bytes) -> Frame:
    """Read a datagram that `is_frame`; raises ProtocolError."""
    read = _READERS.get(data[_HEAD - 1]) if len(data) >= _HEAD else None
    if read is None:
        raise ProtocolError("gossip frame of unknown kind")
    return read(data[_HEAD:])


def _read_query(body: bytes, walk: bool) -> Query:
    if len(body) != _QUERY.size:
        raise ProtocolError(f"query of {len(body)} bytes")
    lookup, key, proof, ring, ttl, hops = _QUERY.unpack(body)
    return Query(lookup, key, proof, ring, ttl, hops, walk)


def _read_hit(body: bytes) -> Hit:
    lookup, at = _fixed(body, LOOKUP), LOOKUP
    sightings: list[Sighting] = []
    while at < len(body):
        hops = body[at]
        node, at = _read_other(body, at + 1)
        sightings.append(Sighting(node, hops))
        if len(sightings) > MAX_SIGHTINGS:
            raise ProtocolError("hit that names too many nodes")
    return Hit(lookup, tuple(sightings))


def _read_ask(body: bytes) -> Ask:
    return Ask(*_ASK.unpack(_whole(body, _ASK.size)))


def _read_have(body: bytes) -> Have:
    lookup, cookie, port = _HAVE.unpack(_whole(body, _HAVE.size))
    if not port:
        raise ProtocolError("gossip frame with port 0")
    return Have(lookup, cookie, port)


def _read_forward_join(body: bytes) -> ForwardJoin:
    if len(body) - 1 not in _IP_WIDTHS:
        raise ProtocolError(f"forwarded join of {len(body)} bytes")
    return ForwardJoin(_unpack(body[1:]), body[0])


def _read_answer(body: bytes, accepted: bool) -> Answer:
    return Answer(accepted, _fixed(body, COOKIE), unpack_mixed(body[COOKIE:], MAX_NODES))


def _read_shuffle(body: bytes) -> Shuffle:
    nonce = _fixed(body, NONCE)
    if len(body) == NONCE:
        raise ProtocolError("shuffle without a walk")
    origin, at = _read_other(body, NONCE + 1)
    return Shuffle(nonce, body[NONCE], origin, unpack_mixed(body[at:], MAX_NODES))


def _read_shuffle_reply(body: bytes) -> ShuffleReply:
    return ShuffleReply(_fixed(body, NONCE), unpack_mixed(body[NONCE:], MAX_NODES))


_READERS: dict[int, Callable[[bytes], Frame]] = {
    _Kind.FLOOD: lambda body: _read_query(body, False),
    _Kind.WALK: lambda body: _read_query(body, True),
    _Kind.HIT: _read_hit,
    _Kind.ASK: _read_ask,
    _Kind.HAVE: _read_have,
    _Kind.PING: lambda body: _bare(body, Ping()),
    _Kind.PONG: lambda body: _bare(body, Pong()),
    _Kind.JOIN: lambda body: Join(_whole(body, COOKIE)),
    _Kind.NEIGHBOR: lambda body: Neighbor(False, _whole(body, COOKIE)),
    _Kind.NEIGHBOR_URGENTLY: lambda body: Neighbor(True, _whole(body, COOKIE)),
    _Kind.COOKIE: lambda body: Cookie(_whole(body, COOKIE)),
    _Kind.ACCEPTED: lambda body: _read_answer(body, True),
    _Kind.REFUSED: lambda body: _read_answer(body, False),
    _Kind.FORWARD_JOIN: _read_forward_join,
    _Kind.DISCONNECT: lambda body: _bare(body, Disconnect(False)),
    _Kind.LEAVING: lambda body: _bare(body, Disconnect(True)),
    _Kind.SHUFFLE: _read_shuffle,
    _Kind.SHUFFLE_REPLY: _read_shuffle_reply,
}


def _bare(body: bytes, frame: Frame) -> Frame:
    _whole(body, 0)
    return frame


def _whole(body: bytes, size: int) -> bytes:
    if len(body) != size:
        raise ProtocolError(f"gossip frame whose body has {len(body)} bytes instead of {size}")
    return body


def _fixed(body: bytes, size: int) -> bytes:
    return _whole(body[:size], size)


def _pack_sighting(sighting: Sighting) -> bytes:
    return bytes([sighting.hops]) + _pack_other(sighting.node)


def _pack_other(node: Address | None) -> bytes:
    """Somebody else behind a byte that tells the address's width; the sender has none, for it need not know its own."""
    compact = b"" if node is None else pack_address(node)
    return bytes([len(compact)]) + compact


def _read_other(body: bytes, at: int) -> tuple[Address | None, int]:
    """Whom `_pack_other` wrote there, and where it ends."""
    if at >= len(body):
        raise ProtocolError("gossip frame without an address")
    width, begin = body[at], at + 1
    if not width:
        return None, begin
    if width not in _IP_WIDTHS or begin + width > len(body):
        raise ProtocolError("gossip frame with a broken address")
    return _unpack(body[begin : begin + width]), begin + width


def _unpack(compact: bytes) -> Address:
    found = unpack_addresses(compact, len(compact) == IPV6)
    if not found:
        raise ProtocolError("gossip frame with port 0")
    return found[0]
