"""Hash requests: one side serves from what it has, the other collects from the info dictionary alone."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_node.core.hashes import HashCollector, answer, leaf_request, pieces_to_hash, proven_leaves
from p2p_node.shell.torrent import Version, create_torrent
from p2p_node.wire import merkle
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK, Hashes, HashReject, HashRequest
from p2p_node.wire.metainfo import Metainfo, decode_info, decode_metainfo

PIECE = 2 * BLOCK


@pytest.fixture(scope="module")
def content() -> bytes:
    return Random(5).randbytes(1100 * PIECE - BLOCK - 5)


@pytest.fixture(scope="module")
def whole(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Metainfo:
    path: Path = tmp_path_factory.mktemp("hashes") / "item"
    path.write_bytes(content)
    return decode_metainfo(create_torrent(path, PIECE, version=Version.V2))


def serve(whole: Metainfo, content: bytes, request: HashRequest) -> Hashes | HashReject:
    pieces = pieces_to_hash(whole, request)
    data = memoryview(content)[pieces.start * PIECE : pieces.stop * PIECE]
    return answer(whole, request, merkle.leaves(data))


def test_missing_layers_are_collected(whole: Metainfo, content: bytes) -> None:
    """In as many requests as the layer needs, each of them proved on its own."""
    alone = decode_info(whole.raw_info)
    collector = HashCollector(alone)
    asked = 0
    while (request := collector.next_request()) is not None:
        asked += 1
        reply = serve(whole, content, request)
        assert isinstance(reply, Hashes)
        assert collector.received(reply) is (asked == 3)
    assert asked == 3 and collector.complete
    assert alone.is_right(700, content[700 * PIECE : 701 * PIECE])


def test_wrong_hashes_are_refused_and_asked_for_elsewhere(whole: Metainfo, content: bytes) -> None:
    """So are too few, too many, and those that nobody asked for."""
    collector = HashCollector(decode_info(whole.raw_info))
    request = collector.next_request()
    assert request is not None
    reply = serve(whole, content, request)
    assert isinstance(reply, Hashes)
    flipped = bytes([reply.hashes[0] ^ 1]) + reply.hashes[1:]
    fields = request.root, request.base, request.index, request.length, request.proof
    asked = [request]
    for hashes in (flipped, reply.hashes[:-32], reply.hashes + bytes(32)):
        with pytest.raises(ProtocolError):
            collector.received(Hashes(*fields, hashes))
        while request not in asked[1:]:
            again = collector.next_request()
            assert again is not None
            asked.append(again)
        asked = [request]
    with pytest.raises(ProtocolError, match="not asked"):
        collector.received(Hashes(request.root, 0, 0, 2, 0, bytes(64)))
    assert not collector.received(reply)


def test_leaf_hashes_are_proved_by_the_hash_of_their_piece(whole: Metainfo, content: bytes) -> None:
    """So that nobody can frame others, nor prove hashes of one piece by those of another."""
    request = leaf_request(whole, 3)
    assert request is not None
    reply = serve(whole, content, request)
    assert isinstance(reply, Hashes)
    assert proven_leaves(whole, 3, reply) == merkle.leaves(content[3 * PIECE : 4 * PIECE])
    with pytest.raises(ProtocolError):
        proven_leaves(whole, 4, reply)


@settings(max_examples=60, deadline=None)
@given(
    base=st.sampled_from([0, 1]), index=st.integers(0, 1200), size=st.sampled_from([2, 4, 8, 256]),
    proof=st.integers(0, 12),
)  # fmt: skip
def test_proofs_lead_to_the_root(whole: Metainfo, content: bytes, base: int, index: int, size: int, proof: int) -> None:
    """From leaves and from the piece layer, whatever aligned range is asked for and however high the proof goes."""
    root = next(iter(whole.layers.all())) if whole.layers is not None else b""
    request = HashRequest(root, base, index // size * size, size, proof)
    reply = serve(whole, content, request)
    height, span = 12 - base, merkle.height_of(size)
    if request.index * (BLOCK << base) >= len(content):
        assert isinstance(reply, HashReject)
        return
    assert isinstance(reply, Hashes)
    hashes = merkle.split(reply.hashes)
    assert len(hashes) == size + max(min(proof, height - 1) - span + 1, 0)
    if proof >= height - 1:
        top = merkle.root(hashes[:size], span)
        assert merkle.climb(top, request.index >> span, hashes[size:]) == root


@pytest.mark.parametrize(
    "fields",
    [(0, 0, 1, 0), (0, 1, 2, 0), (0, 0, 3, 0), (0, 0, 1024, 0), (2, 0, 2, 0), (1, 1 << 31, 2, 0), (1, 0, 0, 0)],
)
def test_unsound_requests_are_rejected(whole: Metainfo, content: bytes, fields: tuple[int, int, int, int]) -> None:
    """Unaligned, too long, of layers that nobody stores, or beyond the file."""
    root = next(iter(whole.layers.all())) if whole.layers is not None else b""
    assert isinstance(serve(whole, content, HashRequest(root, *fields)), HashReject)
    assert isinstance(serve(whole, content, HashRequest(bytes(32), 0, 0, 2, 0)), HashReject)
