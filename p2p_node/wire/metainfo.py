"""Metainfo: what a torrent file says, or an info dictionary alone (BEP 3, 12, 19, 27, 47 and 52).

Version 1, version 2 and hybrid torrents have one piece space: a piece starts at `offset(piece)` of the layout's stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p2p_node.wire import bencoding
from p2p_node.wire.errors import BencodeError, MetainfoError
from p2p_node.wire.file_list import read_file_list
from p2p_node.wire.file_tree import read_file_tree
from p2p_node.wire.layout import File, Layout, safe_name
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.piece_layers import PieceLayers

DIGEST = 20
MAX_PIECE_SIZE = 64 << 20
MAX_PIECES = 1 << 21
"""A bitfield of 256 KiB; libtorrent's limit too."""

MAX_CHOSEN = 4 << 20
"""A peer holds a few whole pieces in memory until they are verified, and nobody can pass on a part of one."""

WANTED_PIECES = 512
"""A swarm is within 1 + log2(N)/M file-times of the bound when the file has M pieces (Mundinger et al.): with 512 and
32 peers, 1 %."""

Trackers = tuple[tuple[str, ...], ...]
"""Announce URLs in tiers: the next tier is asked when the one before does not answer (BEP 12)."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A torrent: what identifies it, how its files are cut into pieces, and each piece's hashes."""

    info_hash: bytes
    """What handshakes and trackers call it: SHA-1 of the info dictionary, for v2 alone its SHA-256, truncated."""
    v1: bool
    """Whether clients that know only BEP 3 can use it: v1 and hybrid torrents."""
    info_hash_v2: bytes | None
    """SHA-256 of the info dictionary, in v2 and hybrid torrents."""
    name: str
    piece_length: int
    layout: Layout
    digests: bytes
    """The pieces' SHA-1, one after the other; empty in v2."""
    layers: PieceLayers | None
    """The pieces' merkle hashes in v2 and hybrid torrents."""
    trackers: Trackers
    web_seeds: tuple[str, ...]
    private: bool
    """Peers come from the trackers alone (BEP 27)."""
    raw_info: bytes
    """The info dictionary as it is hashed, and served to peers (BEP 9)."""

    @property
    def info_hashes(self) -> tuple[bytes, ...]:
        """The names under which peers and trackers know it: two for a hybrid, the last that of version 2 (BEP 52)."""
        if self.v1 and self.info_hash_v2 is not None:
            return self.info_hash, self.info_hash_v2[:DIGEST]
        return (self.info_hash,)

    @property
    def piece_count(self) -> int:
        """How many pieces there are."""
        return -(-self.layout.end // self.piece_length)

    @property
    def length(self) -> int:
        """Bytes in the files, without padding."""
        return self.layout.length

    @property
    def tracker_urls(self) -> tuple[str, ...]:
        """The announce URLs of all tiers, in their order."""
        return tuple(url for tier in self.trackers for url in tier)

    def offset(self, piece: int) -> int:
        """Where in the layout's stream this piece starts."""
        return piece * self.piece_length

    def piece_size(self, piece: int) -> int:
        """Bytes in this piece: the last may be shorter, and in v2 each file's last."""
        if self.v1 or self.layers is None:
            return min(self.piece_length, self.layout.end - piece * self.piece_length)
        return self.layers.size(piece)

    def size(self, pieces: int) -> int:
        """Bytes in this set of pieces (bit p is piece p)."""
        if not self.v1 and self.layers is not None:
            return sum(self.layers.size(piece) for piece in range(self.piece_count) if pieces >> piece & 1)
        holds_last = pieces and pieces.bit_length() == self.piece_count
        short = self.piece_length - self.piece_size(self.piece_count - 1) if holds_last else 0
        return pieces.bit_count() * self.piece_length - short

    def padding(self, piece: int) -> int:
        """The blocks of this piece that are all padding, as a set (bit b is block b): zeros, never requested."""
        mask = 0
        for start, end in self.layout.padding(self.offset(piece), size := self.piece_size(piece)):
            first, past = -(-start // BLOCK), -(-end // BLOCK) if end == size else end // BLOCK
            if past > first:
                mask |= (1 << past) - (1 << first)
        return mask

    def digest(self, piece: int) -> bytes:
        """The SHA-1 that this piece must have in a v1 or hybrid torrent."""
        return self.digests[piece * DIGEST : (piece + 1) * DIGEST]

    def can_verify(self, piece: int) -> bool:
        """Whether a hash of this piece is known: always, but in v2 torrents whose piece layers have not come yet."""
        return self.v1 or self.layers is None or self.layers.knows(piece)

    @property
    def unverifiable(self) -> int:
        """The pieces of which no hash is known yet, as a set (bit p is piece p)."""
        return 0 if self.v1 or self.layers is None else self.layers.unknown

    def is_right(self, piece: int, data: bytes | memoryview) -> bool:
        """Whether this is the piece: by SHA-1 in v1, by its merkle hash in v2, by every known hash in hybrids."""
        if self.v1 and hashlib.sha1(data).digest() != self.digest(piece):
            return False
        if self.layers is None or not self.layers.knows(piece):
            return self.v1
        return self.layers.is_right(piece, data)


def choose_piece_length(length: int) -> int:
    """The largest power of two that still gives WANTED_PIECES pieces, but at least a block of 16 KiB and at most
    MAX_CHOSEN."""
    piece_length = BLOCK
    while piece_length < MAX_CHOSEN and length >= 2 * piece_length * WANTED_PIECES:
        piece_length *= 2
    return piece_length


def encode_metainfo(name: str, length: int, piece_length: int, digests: Iterable[bytes], tracker: str | None) -> bytes:
    """The v1 torrent file of one file whose pieces have these SHA-1 digests."""
    info = {b"length": length, b"name": name.encode(), b"piece length": piece_length, b"pieces": b"".join(digests)}
    return encode_torrent(info, ((tracker,),) if tracker is not None else ())


def encode_torrent(
    info: Mapping[bytes, Any],
    trackers: Trackers = (),
    web_seeds: Sequence[str] = (),
    layers: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The torrent file with this info dictionary; `layers` are the piece layers of v2."""
    torrent: dict[bytes, Any] = {b"info": dict(info)}
    if trackers:
        torrent[b"announce"] = trackers[0][0].encode()
    if sum(map(len, trackers)) > 1:
        torrent[b"announce-list"] = [[url.encode() for url in tier] for tier in trackers]
    if web_seeds:
        torrent[b"url-list"] = [url.encode() for url in web_seeds]
    if layers is not None:
        torrent[b"piece layers"] = dict(layers)
    return bencoding.encode(torrent)


def decode_metainfo(data: bytes) -> Metainfo:
    """Read a torrent file; raises MetainfoError saying what is wrong."""
    try:
        torrent = bencoding.decode_dict(data)
        raw_info = bencoding.raw_dict_value(data, b"info")
    except BencodeError as error:
        raise MetainfoError(f"not a torrent file: {error}") from None
    metainfo = decode_info(raw_info, _trackers(torrent), _web_seeds(torrent))
    if metainfo.layers is not None:
        _add_layers(metainfo.layers, torrent.get(b"piece layers"))
    return metainfo


def decode_info(raw_info: bytes, trackers: Trackers = (), web_seeds: Sequence[str] = ()) -> Metainfo:
    """Read an info dictionary alone, as peers send it (BEP 9); raises MetainfoError saying what is wrong.

    The piece layers of a v2 torrent are then missing: `Metainfo.layers` takes them as they come.
    """
    try:
        info = bencoding.decode_dict(raw_info)
    except BencodeError as error:
        raise MetainfoError(f"info is not a dictionary: {error}") from None
    v2 = b"meta version" in info or b"file tree" in info
    if v2 and info.get(b"meta version") != 2:
        raise MetainfoError(f"info.meta version is {info.get(b'meta version')!r}; 1 and 2 can be used")
    v1 = not v2 or b"pieces" in info
    piece_length = _piece_length(info, v2)
    name = safe_name(info.get(b"name.utf-8", info.get(b"name")), "info.name")
    layout = _layout(info, name, piece_length, v1, v2)
    pieces = -(-layout.end // piece_length)
    if pieces > MAX_PIECES:
        raise MetainfoError(f"{pieces} pieces; {MAX_PIECES} can be used")
    return Metainfo(
        info_hash=hashlib.sha1(raw_info).digest() if v1 else hashlib.sha256(raw_info).digest()[:DIGEST],
        v1=v1,
        info_hash_v2=hashlib.sha256(raw_info).digest() if v2 else None,
        name=name,
        piece_length=piece_length,
        layout=layout,
        digests=_digests(info, pieces) if v1 else b"",
        layers=PieceLayers(layout, piece_length) if v2 else None,
        trackers=trackers,
        web_seeds=tuple(web_seeds),
        private=info.get(b"private") == 1,
        raw_info=raw_info,
    )


def _piece_length(info: dict[bytes, Any], v2: bool) -> int:
    piece_length = info.get(b"piece length")
    if not isinstance(piece_length, int):
        raise MetainfoError("info.piece length is missing or no number")
    if not 0 < piece_length <= MAX_PIECE_SIZE:
        raise MetainfoError(f"info.piece length is {piece_length}; 1 to {MAX_PIECE_SIZE} can be used")
    if v2 and (piece_length < BLOCK or piece_length & (piece_length - 1)):
        raise MetainfoError(f"info.piece length is {piece_length}; v2 needs a power of two of at least {BLOCK}")
    return piece_length


def _layout(info: dict[bytes, Any], name: str, piece_length: int, v1: bool, v2: bool) -> Layout:
    if not v2:
        return Layout(read_file_list(info))
    files = read_file_tree(info.get(b"file tree"), name, piece_length)
    if not v1:
        return Layout(files)
    # A hybrid's two descriptions must be of one stream, or half of its swarm would have other content (BEP 52).
    listed = read_file_list(info)
    if [_place(file) for file in listed if not file.padding] != [_place(file) for file in files]:
        raise MetainfoError("info.files and info.file tree do not describe the same files")
    in_tree = iter(files)
    layout = Layout([file if file.padding else next(in_tree) for file in listed])
    if -(-layout.end // piece_length) > -(-max(file.end for file in files) // piece_length):
        raise MetainfoError("info.files goes on with padding in a piece behind the last file")
    return layout


def _place(file: File) -> tuple[tuple[str, ...], int, int | None]:
    return file.path, file.length, file.offset if file.length else None


def _digests(info: dict[bytes, Any], pieces: int) -> bytes:
    digests = info.get(b"pieces")
    if not isinstance(digests, bytes):
        raise MetainfoError("info.pieces is missing or not bytes")
    if len(digests) != DIGEST * pieces:
        raise MetainfoError(f"info.pieces holds {len(digests)} bytes, not {DIGEST} for each of {pieces} pieces")
    return digests


def _add_layers(layers: PieceLayers, given: object) -> None:
    if not isinstance(given, dict):
        raise MetainfoError("piece layers is missing or not a dictionary")
    for root in layers.missing:
        hashes = given.get(root)
        if not isinstance(hashes, bytes):
            raise MetainfoError(f"piece layers has none for the pieces root {root.hex()}")
        layers.add(root, hashes)


def _trackers(torrent: dict[bytes, Any]) -> Trackers:
    tiers = torrent.get(b"announce-list")
    urls = (_urls(tier) for tier in tiers if isinstance(tier, list)) if isinstance(tiers, list) else ()
    listed = tuple(tier for tier in urls if tier)
    announce = _urls([torrent.get(b"announce")])
    return listed or ((announce,) if announce else ())


def _web_seeds(torrent: dict[bytes, Any]) -> tuple[str, ...]:
    urls = torrent.get(b"url-list")
    seeds = _urls(urls if isinstance(urls, list) else [urls])
    return tuple(dict.fromkeys(url for url in seeds if url.startswith(("http://", "https://"))))


def _urls(values: Sequence[object]) -> tuple[str, ...]:
    # Not hashed, so not worth refusing a torrent for: what is no address is left out.
    texts = (value.decode(errors="replace").strip() for value in values if isinstance(value, bytes))
    return tuple(text for text in texts if text)
