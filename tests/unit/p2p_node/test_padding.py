"""Padding (BEP 47): zeros that lie in no file are never asked for, of peers or of web seeds."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

from p2p_node.boundary import Notice
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo, decode_metainfo, encode_torrent
from tests.network import TRACKER, FakePeer, Network

PIECE = 4 * BLOCK
SIZES = (PIECE + 5, 3 * PIECE, BLOCK + 1)
"""Of the files. Each is padded to a multiple of two pieces."""


def padded(spoiled: bool = False) -> tuple[Metainfo, bytes]:
    """A torrent with padding at the end of pieces and for whole pieces, and its stream."""
    files: list[dict[bytes, Any]] = []
    stream = b""
    for number, size in enumerate(SIZES):
        gap = -size % (2 * PIECE) or 2 * PIECE
        files.append({b"length": size, b"path": [b"file %d" % number]})
        files.append({b"length": gap, b"path": [b".pad", b"%d" % number], b"attr": b"p"})
        stream += Random(number).randbytes(size) + bytes(gap)
    digests = [hashlib.sha1(stream[at : at + PIECE]).digest() for at in range(0, len(stream), PIECE)]
    if spoiled:
        digests[-1] = bytes(20)
    info = {b"name": b"item", b"piece length": PIECE, b"pieces": b"".join(digests), b"files": files}
    return decode_metainfo(encode_torrent(info, ((TRACKER,),))), stream


def fetch(metainfo: Metainfo, stream: bytes) -> tuple[FakePeer, FakePeer]:
    """Let a peer fetch the torrent; returns it and its seed."""
    network = Network(stream, PIECE, metainfo=metainfo)
    seed, leech = network.add(stream), network.add()
    seed.start()
    leech.start()
    network.run(60.0, lambda: leech.completed_at is not None)
    return leech, seed


def test_only_what_lies_in_files_is_sent() -> None:
    """Pieces that are all padding are verified without a peer; the others without their padding."""
    metainfo, stream = padded()
    leech, seed = fetch(metainfo, stream)
    assert leech.completed_at is not None and bytes(leech.content) == stream
    in_files = sum(-(-size // BLOCK) for size in SIZES)
    assert len(seed.sent_blocks) == in_files
    tally = leech.node.tally()
    assert (tally.wasted, tally.left) == (0, 0)
    assert tally.downloaded <= in_files * BLOCK


def test_a_peer_without_connections_verifies_what_is_all_padding() -> None:
    """As many pieces as there are, one after the other."""
    metainfo, stream = padded()
    network = Network(stream, PIECE, metainfo=metainfo)
    leech = network.add()
    leech.start()
    network.run(1.0)
    assert isinstance(leech.node, Node)
    assert leech.node.swarm.have == sum(
        1 << piece for piece in range(metainfo.piece_count) if metainfo.padding(piece) == 0b1111
    )


def test_padding_that_should_not_be_zeros_is_told_once() -> None:
    """Such a torrent cannot be completed; the rest still comes, and nobody is blamed."""
    metainfo, stream = padded(spoiled=True)
    leech, _ = fetch(metainfo, stream)
    assert leech.completed_at is None
    assert leech.notices == [
        f"piece {metainfo.piece_count - 1} must be zeros by the torrent's files, but not by its hash"
    ]
    assert isinstance(leech.node, Node) and leech.node.swarm.downloader.picker.missing.bit_count() == 1
    assert not any("wrong" in reason for reason in leech.closed)


def test_a_resumed_torrent_does_not_verify_padding_again() -> None:
    """What is here is here."""
    metainfo, _ = padded()
    everything = (1 << metainfo.piece_count) - 1
    node = Node(metainfo, b"-SB0100-own-own-own-", ("10.0.0.1", 1), everything, SwarmSettings(), Random(1), 0.0)
    assert not [effect for effect in node.take_effects() if not isinstance(effect, Notice)]
