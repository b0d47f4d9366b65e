"""The frames of the gossip overlay."""

from __future__ import annotations

from random import Random

import pytest

from p2p_node.wire import bencoding
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.gossip import (
    MAGIC,
    MAX_NODES,
    MAX_SIGHTINGS,
    Answer,
    Ask,
    ForwardJoin,
    Have,
    Hit,
    Ping,
    Query,
    Shuffle,
    Sighting,
    decode,
    encode,
    is_frame,
)
from p2p_node.wire.udp_tracker import MAGIC as UDP_TRACKER_MAGIC
from p2p_node.wire.udp_tracker import Connect, Request, encode_request
from tests.fuzz.gossip_codecs import any_frame

NODE = ("10.1.0.1", 6881)
QUERY = Query(bytes(8), bytes(20), bytes(8), 0, 3, 0)
NODES = tuple((f"10.1.0.{number}", 6881) for number in range(MAX_NODES + 1))


def test_every_frame_survives_the_wire():
    """Of each kind, with addresses of both families."""
    rng = Random(1)
    for _ in range(2000):
        frame = any_frame(rng)
        assert decode(encode(frame)) == frame


def test_no_frame_is_larger_than_what_no_path_fragments():
    """1,232 bytes: IPv6's smallest MTU less its headers."""
    hit = Hit(bytes(8), tuple(Sighting((f"fd00::{number:x}", 1), 3) for number in range(1, MAX_SIGHTINGS + 1)))
    shuffle = Shuffle(
        bytes(8), 3, ("fd00::1", 1), tuple((f"fd00::{number:x}", 1) for number in range(1, MAX_NODES + 1))
    )
    assert max(len(encode(hit)), len(encode(shuffle))) <= 1232


def test_an_answer_is_shorter_than_the_question():
    """Nobody gains who asks in somebody else's name."""
    assert len(encode(Have(bytes(8), bytes(8), 6881))) < len(encode(Ask(bytes(8), bytes(20), bytes(8))))


def test_other_protocols_on_the_port_are_left_alone():
    """KRPC is bencoding, a tracker's answer begins with its action."""
    assert not is_frame(bencoding.encode({b"q": b"ping"}))
    assert not is_frame(encode_request(Request(UDP_TRACKER_MAGIC, 7, Connect())))
    assert not is_frame(b"\0\0\0\1" + bytes(16))
    assert not is_frame(b"")
    assert is_frame(encode(Ping()))


@pytest.mark.parametrize(
    "data",
    [
        MAGIC,
        MAGIC + b"\x63",
        encode(Ping()) + b"x",
        encode(QUERY)[:-1],
        encode(QUERY) + b"x",
        encode(Hit(bytes(8), (Sighting(NODE, 1),)))[:-1],
        encode(Hit(bytes(8), (Sighting(NODE, 1),) * (MAX_SIGHTINGS + 1))),
        encode(Hit(bytes(8), (Sighting(("10.1.0.1", 0), 1),))),
        encode(Ask(bytes(8), bytes(20), bytes(8)))[:-1],
        encode(Have(bytes(8), bytes(8), 1)) + b"x",
        encode(Have(bytes(8), bytes(8), 0)),
        encode(Answer(True, bytes(8)))[:-1],
        encode(Answer(True, bytes(8), NODES)),
        encode(Answer(True, bytes(8), NODES[:2]))[:-1],
        encode(ForwardJoin(NODE, 6))[:-1],
        encode(ForwardJoin(("10.1.0.1", 0), 6)),
        encode(Shuffle(bytes(8), 3, NODE, ()))[:12],
        encode(Shuffle(bytes(8), 3, NODE, NODES)),
    ],
    ids=lambda data: data[4:16].hex(),
)
def test_malformed_frames_are_refused(data: bytes):
    """Unknown kinds, wrong lengths, too many of anything, and addresses where nobody can be."""
    with pytest.raises(ProtocolError):
        decode(data)
