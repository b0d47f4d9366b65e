"""Frames: messages to bytes and back, however the stream is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import messages as wire
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.frames import MAX_FRAME, decode_frames, piece_head
from p2p_node.wire.messages import Message, encode

uint32 = st.integers(min_value=0, max_value=2**32 - 1)
hash_range = (st.binary(min_size=32, max_size=32), uint32, uint32, uint32, uint32)
any_message: st.SearchStrategy[Message] = st.one_of(
    st.sampled_from(
        [
            wire.KeepAlive(),
            wire.Choke(),
            wire.Unchoke(),
            wire.Interested(),
            wire.NotInterested(),
            wire.HaveAll(),
            wire.HaveNone(),
        ]
    ),
    st.builds(wire.Have, uint32),
    st.builds(wire.Suggest, uint32),
    st.builds(wire.AllowedFast, uint32),
    st.builds(wire.Request, uint32, uint32, uint32),
    st.builds(wire.Cancel, uint32, uint32, uint32),
    st.builds(wire.Reject, uint32, uint32, uint32),
    st.builds(wire.Bitfield, st.binary(max_size=30)),
    st.builds(wire.Piece, uint32, uint32, st.binary(min_size=1, max_size=50)),
    st.builds(wire.Port, st.integers(min_value=0, max_value=65535)),
    st.builds(wire.HashRequest, *hash_range),
    st.builds(wire.HashReject, *hash_range),
    st.builds(wire.Hashes, *hash_range, st.binary(min_size=64, max_size=64)),
    st.builds(wire.Extended, st.integers(min_value=0, max_value=255), st.binary(max_size=30)),
)


def one_by_one(message: Message) -> list[Message]:
    """The messages that came as one, with blocks that are bytes."""
    match message:
        case wire.Piece(piece, begin, data):
            return [wire.Piece(piece, begin, bytes(data))]
        case wire.Blocks(piece, begin, blocks):
            starts = itertools.accumulate(map(len, blocks), initial=begin)
            return [wire.Piece(piece, at, bytes(block)) for at, block in zip(starts, blocks, strict=False)]
        case wire.Requests(piece, begin, length, count):
            return [wire.Request(piece, begin + number * length, length) for number in range(count)]
        case wire.Haves(pieces):
            return [wire.Have(piece) for piece in pieces]
    return [message]


def decode_in_parts(data: bytes, cuts: list[int]) -> list[Message]:
    """Decode a stream that arrives in parts, keeping the rest as a socket reader does."""
    found: list[Message] = []
    rest = b""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        rest += data[start:end]
        decoded, used = decode_frames(memoryview(rest))
        for message in decoded:
            found += one_by_one(message)
        rest = rest[used:]
    assert rest == b""
    return found


@given(st.lists(any_message, max_size=8), st.lists(st.integers(min_value=0, max_value=10_000), max_size=5))
def test_messages_survive_any_cut_of_the_stream(sent: list[Message], cuts: list[int]) -> None:
    """Whatever was sent is received, in order, however TCP cuts it."""
    assert decode_in_parts(b"".join(map(encode, sent)), cuts) == sent


@given(st.lists(uint32, min_size=2, max_size=40), st.integers(0, 8))
def test_haves_that_follow_each_other_are_one_message(pieces: list[int], cut: int) -> None:
    """As far as they are here whole, and up to the first other message."""
    stream = encode(wire.Haves(tuple(pieces))) + encode(wire.Choke())
    assert decode_frames(memoryview(stream)) == ([wire.Haves(tuple(pieces)), wire.Choke()], len(stream))
    begun = encode(wire.Haves((*pieces, 7)))[: 9 * len(pieces) + cut]
    assert decode_frames(memoryview(begun)) == ([wire.Haves(tuple(pieces))], 9 * len(pieces))


small = st.integers(min_value=0, max_value=3)


@given(
    st.lists(
        st.one_of(
            st.builds(wire.Request, small, small, small),
            st.builds(wire.Piece, small, small, st.binary(min_size=1, max_size=2)),
        ),
        max_size=20,
    ),
    st.lists(st.integers(min_value=0, max_value=10_000), max_size=3),
)
def test_neighbours_that_come_as_one_are_those_that_were_sent(sent: list[Message], cuts: list[int]) -> None:
    """Runs begin and end where blocks cease to lie side by side, and none is lost, doubled or moved."""
    assert decode_in_parts(b"".join(map(encode, sent)), cuts) == sent


def test_neighbours_come_as_one() -> None:
    """A whole piece's blocks, and the requests for them, are one message each."""
    requests = wire.Requests(3, 0, 16384, 64)
    blocks = wire.Blocks(3, 0, [memoryview(bytes(16384))] * 64)
    assert decode_frames(memoryview(encode(requests))) == ([requests], 64 * 17)
    assert decode_frames(memoryview(encode(blocks)))[0] == [blocks]


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_only_protocol_errors(data: bytes) -> None:
    """Arbitrary bytes are decoded or refused, and never more is consumed than there is."""
    try:
        _, used = decode_frames(memoryview(data))
    except ProtocolError:
        return
    assert 0 <= used <= len(data)


@pytest.mark.parametrize(
    "frame",
    [
        (MAX_FRAME + 1).to_bytes(4, "big") + b"\x07",
        b"\x00\x00\x00\x02\x00\x00",  # a choke with a payload
        b"\x00\x00\x00\x04\x04\x00\x00\x00",  # a have of three bytes
        b"\x00\x00\x00\x0c\x06" + bytes(11),  # a request of eleven bytes
        b"\x00\x00\x00\x09\x07" + bytes(8),  # a piece without a block
        b"\x00\x00\x00\x01\x14",  # an extension message without a number
        b"\x00\x00\x00\x02\x09\x00",  # half a port
    ],
)
def test_lengths_that_do_not_fit_are_refused(frame: bytes) -> None:
    """A frame longer than the cap, or of a length its kind cannot have, is a protocol error before it is buffered."""
    with pytest.raises(ProtocolError):
        decode_frames(memoryview(frame))


@given(st.integers(0, 99), st.integers(0, 1 << 30), st.binary(min_size=1, max_size=50), st.data())
def test_the_head_of_a_block_tells_what_is_coming(piece: int, begin: int, block: bytes, data: st.DataObject) -> None:
    """As soon as all of it is here, and of no other message."""
    frame = encode(wire.Piece(piece, begin, block))
    cut = data.draw(st.integers(0, len(frame) - 1))
    expected = (piece, begin, len(block)) if cut >= wire.PIECE_HEADER else None
    assert piece_head(memoryview(frame)[:cut]) == expected
    other = encode(wire.Extended(1, block + bytes(wire.PIECE_HEADER)))
    assert piece_head(memoryview(other)[:-1]) is None


def test_unknown_messages_are_skipped() -> None:
    """A message of an unknown kind does not disturb those after it."""
    decoded, _ = decode_frames(memoryview(b"\x00\x00\x00\x03\xc8ab" + encode(wire.Have(3))))
    assert decoded == [wire.Have(3)]
