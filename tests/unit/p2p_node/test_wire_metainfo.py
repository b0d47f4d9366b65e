"""Metainfo: torrents that are read, and torrents that are refused."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import (
    MAX_CHOSEN,
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
    assert [metainfo.size(pieces) for pieces in (0, 0b001, 0b101, 0b111)] == [0, 32, 38, 70]
    assert decode_metainfo(encode_metainfo("empty", 0, 32, [], None)).size(0) == 0
    assert metainfo.digest(1) == b"b" * 20
    assert metainfo.trackers == (("http://tracker/announce",),)
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


PAD = {b"length": 8, b"attr": b"p"}


def listed(*paths: list[bytes], length: int = 10) -> list[dict[bytes, Any]]:
    return [{b"length": length, b"path": path} for path in paths]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "not a list"),
        ([b"x"], r"files\[0\] is not a dictionary"),
        (listed([]), "not a list of 1 to"),
        (listed([b"a"] * 65), "not a list of 1 to"),
        (listed([b"a"], length=-1), r"files\[0\].length is -1"),
        (listed([b"a"], length=1 << 63), "length is"),
        (listed([b"a"], [b"b"], length=(1 << 63) - 1), "ends beyond"),
        (listed([b"a"], length=1 << 50), "pieces; "),
        (listed([b".."]), "leave the download directory"),
        (listed([b"a", b"..", b"b"]), "leave the download directory"),
        (listed([b"/etc/passwd"]), "leave the download directory"),
        (listed([b"a" * 256]), "longer than 255"),
        (listed([b"a", b"b"], [b"a", b"b"]), "there twice"),
        (listed([b"readme"], [b"README"]), "there twice"),
        (listed([b"a"], [b"a", b"b"]), "also a directory"),
        (listed([b"a", b"b", b"c"], [b"a"]), "also a directory"),
    ],
)
def test_unusable_file_lists_are_refused(files: list[Any], says: str) -> None:
    """Whatever is wrong with them, the message says what and where."""
    with pytest.raises(MetainfoError, match=says):
        decode_metainfo(torrent(length=None, files=files))


def test_padding_and_links_are_no_files() -> None:
    """Padding needs no path and takes up the stream; a symbolic link takes up nothing and is not made (BEP 47)."""
    link = {b"attr": b"l", b"path": [b"link"], b"symlink path": [b"..", b"..", b"etc"]}
    files = [{b"length": 12, b"path": [b"a"], b"attr": b"x"}, PAD, link, {b"length": 20, b"path": [b"b"]}]
    layout = decode_metainfo(torrent(length=None, files=files)).layout
    assert [(file.path, file.offset, file.padding) for file in layout.files] == [
        (("a",), 0, False),
        ((), 12, True),
        (("b",), 20, False),
    ]
    assert layout.files[0].executable
    assert (layout.length, layout.end) == (32, 40)


ROOT = b"r" * 32


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({b"meta version": 3}, "meta version is 3"),
        ({b"meta version": b"2"}, "meta version is b'2'"),
        ({b"piece length": 20_000}, "power of two"),
        ({b"piece length": 8_192}, "power of two"),
        ({b"file tree": None}, "missing or not a directory"),
        ({b"file tree": {}}, "missing or not a directory"),
        ({b"file tree": {b"": {b"length": 3}}}, "is not a file"),
        ({b"file tree": {b"a": {b"": {b"length": 3, b"pieces root": ROOT}, b"b": {}}}}, "is not a file"),
        ({b"file tree": {b"a": {b"": {b"length": 3}}}}, "pieces root is not"),
        ({b"file tree": {b"a": {b"": {b"length": 3, b"pieces root": bytes(32)}}}}, "pieces root is not"),
        ({b"file tree": {b"..": {b"": {b"length": 3, b"pieces root": ROOT}}}}, "leave the download directory"),
        ({b"file tree": {b"a": {b"": {b"length": 1 << 63, b"pieces root": ROOT}}}}, "length is"),
        ({b"pieces": bytes(20), b"length": 4}, "do not describe the same files"),
    ],
)
def test_unusable_v2_torrents_are_refused(changes: dict[bytes, Any], says: str) -> None:
    """Newer versions, impossible trees, and hybrids whose two halves differ."""
    info: dict[bytes, Any] = {b"meta version": 2, b"name": b"item", b"piece length": 16_384}
    info |= {b"file tree": {b"item": {b"": {b"length": 3, b"pieces root": ROOT}}}} | changes
    info = {key: value for key, value in info.items() if value is not None}
    with pytest.raises(MetainfoError, match=says):
        decode_metainfo(bencoding.encode({b"info": info, b"piece layers": {}}))


def test_a_deep_tree_is_refused() -> None:
    """Before its depth can exhaust anything."""
    tree: dict[bytes, Any] = {b"": {b"length": 3, b"pieces root": ROOT}}
    for _ in range(80):
        tree = {b"d": tree}
    info = {b"meta version": 2, b"name": b"item", b"piece length": 16_384, b"file tree": tree}
    with pytest.raises(MetainfoError, match="deep"):
        decode_metainfo(bencoding.encode({b"info": info}))


@pytest.mark.parametrize("layers", [None, [], {}, {ROOT: b"x"}, {ROOT: bytes(64)}])
def test_layers_must_lead_to_their_roots(layers: Any) -> None:
    """A v2 torrent file without them, or with others, is not valid (BEP 52)."""
    tree = {b"item": {b"": {b"length": 20_000, b"pieces root": ROOT}}}
    made: dict[bytes, Any] = {
        b"info": {b"meta version": 2, b"name": b"item", b"piece length": 16_384, b"file tree": tree}
    }
    if layers is not None:
        made[b"piece layers"] = layers
    with pytest.raises(MetainfoError, match="piece layers"):
        decode_metainfo(bencoding.encode(made))


@pytest.mark.parametrize(
    ("outside", "trackers", "web_seeds"),
    [
        ({b"announce": b" http://a/ "}, (("http://a/",),), ()),
        ({b"announce": b"http://a/", b"announce-list": [[b"u://1", b"u://2"], [], [b"u://3"]]},
         (("u://1", "u://2"), ("u://3",)), ()),
        ({b"announce": b"http://a/", b"announce-list": [[7], b"x"]}, (("http://a/",),), ()),
        ({b"announce": 7, b"url-list": b"http://w/x"}, (), ("http://w/x",)),
        ({b"url-list": [b"http://w/x", 7, b"ftp://w/x", b"", b"http://w/x"]}, (), ("http://w/x",)),
    ],
)  # fmt: skip
def test_addresses_are_read_leniently(outside: dict[bytes, Any], trackers: Any, web_seeds: Any) -> None:
    """Tiers stand before the single tracker (BEP 12); what is no address is left out (BEP 19)."""
    metainfo = decode_metainfo(bencoding.encode(bencoding.decode_dict(torrent()) | outside))
    assert (metainfo.trackers, metainfo.web_seeds) == (trackers, web_seeds)


VALUES = st.recursive(
    st.integers(-(1 << 70), 1 << 70) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=12), inner, max_size=4),
)
KEYS = [b"length", b"name", b"piece length", b"pieces", b"files", b"file tree", b"meta version", b"attr", b"private"]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES), VALUES, VALUES)
def test_hostile_values_raise_only_metainfo_errors(changes: dict[bytes, Any], layers: Any, trackers: Any) -> None:
    """Any value in any place is either read or refused by name."""
    info = {b"length": 40, b"name": b"item", b"piece length": 20, b"pieces": bytes(40)} | changes
    outside = {b"info": info, b"piece layers": layers, b"announce-list": trackers, b"url-list": trackers}
    with suppress(MetainfoError):
        decode_metainfo(bencoding.encode(outside))


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_only_metainfo_errors(data: bytes) -> None:
    """Arbitrary bytes never raise anything else."""
    with pytest.raises(MetainfoError):
        decode_metainfo(data)


@given(st.integers(min_value=1, max_value=1 << 40))
def test_files_get_at_least_the_wanted_pieces_where_blocks_allow(length: int) -> None:
    """A chosen piece length is a power of two from a block to 4 MiB, with 512 pieces or more if possible."""
    piece_length = choose_piece_length(length)
    assert piece_length >= BLOCK and piece_length & (piece_length - 1) == 0
    assert piece_length == BLOCK or length / piece_length >= WANTED_PIECES
    assert piece_length == MAX_CHOSEN or length / piece_length < 2 * WANTED_PIECES
