"""The frames of the gossip overlay, to be fuzzed."""

from __future__ import annotations

from random import Random

from p2p_node.wire.address import Address
from p2p_node.wire.gossip import (
    MAX_NODES,
    MAX_SIGHTINGS,
    Answer,
    Ask,
    Cookie,
    Disconnect,
    ForwardJoin,
    Frame,
    Have,
    Hit,
    Join,
    Neighbor,
    Ping,
    Pong,
    Query,
    Shuffle,
    ShuffleReply,
    Sighting,
    decode,
    encode,
)
from tests.fuzz.codec import Codec


def any_address(rng: Random) -> Address:
    """Of either family."""
    host = rng.choice([f"10.1.0.{rng.randrange(256)}", f"fd00::{rng.randrange(1, 1 << 16):x}"])
    return host, rng.randrange(1, 1 << 16)


def any_sighting(rng: Random) -> Sighting:
    """Of somebody, or of who tells it."""
    return Sighting(rng.choice([None, any_address(rng)]), rng.randrange(256))


def any_frame(rng: Random) -> Frame:
    """Of any kind."""
    # IPv4 first, as a list of nodes comes from the wire.
    nodes = tuple(
        sorted((any_address(rng) for _ in range(rng.randrange(MAX_NODES + 1))), key=lambda node: ":" in node[0])
    )
    sightings = tuple(any_sighting(rng) for _ in range(rng.choice([0, 1, 2, MAX_SIGHTINGS])))
    ttl, hops, ring = (rng.choice([0, 1, rng.randrange(256), 255]) for _ in range(3))
    cookie = rng.randbytes(8)
    return rng.choice(
        [
            Join(cookie),
            Neighbor(rng.random() < 0.5, cookie),
            Cookie(cookie),
            Answer(rng.random() < 0.5, cookie, nodes),
            ForwardJoin(any_address(rng), ttl),
            Disconnect(rng.random() < 0.5),
            Shuffle(rng.randbytes(8), ttl, rng.choice([None, any_address(rng)]), nodes),
            ShuffleReply(rng.randbytes(8), nodes),
            Ping(),
            Pong(),
            Query(rng.randbytes(8), rng.randbytes(20), rng.randbytes(8), ring, ttl, hops, rng.random() < 0.5),
            Hit(rng.randbytes(8), sightings),
            Ask(rng.randbytes(8), rng.randbytes(20), cookie),
            Have(rng.randbytes(8), cookie, rng.randrange(1, 1 << 16)),
        ]
    )


def _check(data: bytes) -> None:
    frame = decode(data)
    again = decode(encode(frame))
    # An IPv4 address that came mapped into IPv6 goes on as what it is, and so moves to the front of its list.
    assert _sorted(again) == _sorted(frame)


def _sorted(frame: Frame) -> tuple[object, ...]:
    fields = (getattr(frame, name) for name in frame.__struct_fields__)
    return type(frame), *(
        sorted(field) if isinstance(field, tuple) and field and isinstance(field[0], tuple) else field
        for field in fields
    )


GOSSIP_CODECS = (Codec("gossip", lambda rng: encode(any_frame(rng)), _check),)
