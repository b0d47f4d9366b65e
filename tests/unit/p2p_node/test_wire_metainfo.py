"""Metainfo: torrents that are read, and torrents that are refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import (
    MAX_PIECE_SIZE,
    WANTED_PIECES,
    choose_piece_length,
    decode_metainfo,
    encode_metainfo,
)


def torrent(**changes: Any) -> bytes:
    info: dict[bytes, Any] = {b"length": 40, b"name": b"item", b"piece length": 20, b"pieces": bytes(40)}
    info |= {key.replace("_", " ").encode(): value for key, value in changes.items()}
    return bencoding.encode({b"info": {key: value for key, value in info.items() if value is not None}})


def test_a_torrent_survives_a_round_trip() -> None:
    """What `encode_metainfo` writes is read back, and identified by the SHA-1 of its raw info dictionary."""
    data = encode_metainfo("item.bin", 70, 32, [b"a" * 20, b"b" * 20, b"c" * 20], "http://tracker/announce")
    metainfo = decode_metainfo(data)
    assert (metainfo.name, metainfo.length, metainfo.piece_count) == ("item.bin", 70, 3)
    assert [metainfo.piece_size(piece) for piece in range(3)] == [32, 32, 6]
    assert metainfo.digest(1) == b"b" * 20
    assert metainfo.trackers == ("http://tracker/announce",)
    assert metainfo.info_hash == hashlib.sha1(bencoding.raw_dict_value(data, b"info")).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"length": -1},
        {"length": b"40"},
        {"piece_length": 0},
        {"piece_length": MAX_PIECE_SIZE + 1},
        {"pieces": bytes(39)},
        {"pieces": bytes(20)},
        {"pieces": None},
        {"name": None},
        {"name": b".."},
        {"name": b"../../etc/passwd"},
        {"name": b"a\\b"},
        {"name": b"a\0b"},
        {"name": b""},
    ],
)
def test_unusable_torrents_are_refused(changes: dict[str, Any]) -> None:
    """Impossible sizes, missing hashes and names that leave the directory are refused."""
    with pytest.raises(MetainfoError):
        decode_metainfo(torrent(**changes))


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_only_metainfo_errors(data: bytes) -> None:
    """Arbitrary bytes never raise anything else."""
    with pytest.raises(MetainfoError):
        decode_metainfo(data)


@given(st.integers(min_value=1, max_value=1 << 40))
def test_files_get_at_least_the_wanted_pieces_where_blocks_allow(length: int) -> None:
    """A chosen piece length is a power of two of at least a block, with 512 pieces or more if possible."""
    piece_length = choose_piece_length(length)
    assert piece_length >= BLOCK and piece_length & (piece_length - 1) == 0
    assert piece_length == BLOCK or length / piece_length >= WANTED_PIECES
    assert piece_length == MAX_PIECE_SIZE or length / piece_length < 2 * WANTED_PIECES
