"""What supernodes send each other, to be fuzzed."""

from __future__ import annotations

from random import Random

from p2p_node.wire.supernode import (
    PART,
    Enquiry,
    Hit,
    News,
    Nodes,
    Ping,
    Pong,
    Query,
    SummaryPart,
    SummaryWanted,
    decode,
    encode,
)
from tests.fuzz.codec import Codec


def _frame(rng: Random) -> bytes:
    hosts = ("10.0.0.1", "2001:db8::1")
    peers = tuple((host, rng.randrange(1, 1 << 16)) for host in hosts[: rng.randrange(3)])
    number, lookup, key = rng.getrandbits(32), rng.randbytes(8), rng.randbytes(20)
    return encode(
        rng.choice(
            [
                Ping(rng.getrandbits(64), number),
                Pong(rng.getrandbits(64), number),
                Nodes(peers),
                Enquiry(rng.getrandbits(64)),
                SummaryWanted(),
                SummaryPart(number, 0, 2, rng.randbytes(PART)),
                News(number, rng.getrandbits(32), (key,)),
                Query(number, lookup, key, rng.randrange(256)),
                Hit(number, lookup, peers),
            ]
        )
    )


def _check(data: bytes) -> None:
    # An IPv4 address that was mapped into IPv6 moves to the others of IPv4.
    frame = decode(encode(decode(data)))
    assert decode(encode(frame)) == frame


SUPERNODE_CODECS = (Codec("supernode", _frame, _check),)
