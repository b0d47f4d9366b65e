"""Metainfo: what a torrent file says (BEP 3, v1, one file), and how to make one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from p2p_node.wire import bencoding
from p2p_node.wire.errors import BencodeError, MetainfoError
from p2p_node.wire.messages import BLOCK

DIGEST = 20
MAX_PIECE_SIZE = 64 << 20
WANTED_PIECES = 512
"""A swarm is within 1 + log2(N)/M file-times of the bound when the file has M pieces (Mundinger et al.): with 512 and
32 peers, 1 %."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A torrent: what identifies it, how its one file is cut into pieces, and each piece's SHA-1."""

    info_hash: bytes
    name: str
    length: int
    piece_length: int
    digests: bytes
    trackers: tuple[str, ...]
    private: bool
    """Peers come from the trackers alone (BEP 27)."""
    raw_info: bytes
    """The info dictionary as it is hashed, and served to peers (BEP 9)."""

    @property
    def piece_count(self) -> int:
        """How many pieces there are; the last may be shorter."""
        return len(self.digests) // DIGEST

    def piece_size(self, piece: int) -> int:
        """Bytes in this piece."""
        return min(self.piece_length, self.length - piece * self.piece_length)

    def digest(self, piece: int) -> bytes:
        """The SHA-1 that this piece must have."""
        return self.digests[piece * DIGEST : (piece + 1) * DIGEST]


def choose_piece_length(length: int) -> int:
    """The largest power of two that still gives WANTED_PIECES pieces, but at least a block of 16 KiB."""
    piece_length = BLOCK
    while piece_length < MAX_PIECE_SIZE and length >= 2 * piece_length * WANTED_PIECES:
        piece_length *= 2
    return piece_length


def encode_metainfo(name: str, length: int, piece_length: int, digests: Iterable[bytes], tracker: str | None) -> bytes:
    """The torrent file of one file whose pieces have these SHA-1 digests."""
    info = {b"length": length, b"name": name.encode(), b"piece length": piece_length, b"pieces": b"".join(digests)}
    torrent: dict[bytes, Any] = {b"info": info}
    if tracker is not None:
        torrent[b"announce"] = tracker.encode()
    return bencoding.encode(torrent)


def decode_metainfo(data: bytes) -> Metainfo:
    """Read a torrent file; raises MetainfoError saying what is wrong."""
    try:
        torrent = bencoding.decode_dict(data)
        raw_info = bencoding.raw_dict_value(data, b"info")
    except BencodeError as error:
        raise MetainfoError(f"not a torrent file: {error}") from None
    return decode_info(raw_info, _trackers(torrent))


def decode_info(raw_info: bytes, trackers: tuple[str, ...] = ()) -> Metainfo:
    """Read an info dictionary alone, as peers send it (BEP 9); raises MetainfoError saying what is wrong."""
    try:
        info = bencoding.decode_dict(raw_info)
    except BencodeError as error:
        raise MetainfoError(f"not an info dictionary: {error}") from None
    if b"length" not in info:
        raise MetainfoError("torrents of several files are not supported")
    length, piece_length = _field(info, b"length", int), _field(info, b"piece length", int)
    digests = _field(info, b"pieces", bytes)
    if length < 0:
        raise MetainfoError(f"info.length is {length}")
    if not 0 < piece_length <= MAX_PIECE_SIZE:
        raise MetainfoError(f"info.piece length is {piece_length}; 1 to {MAX_PIECE_SIZE} can be used")
    if len(digests) != DIGEST * -(-length // piece_length):
        raise MetainfoError(f"info.pieces holds {len(digests)} bytes, which does not fit {length} bytes of content")
    return Metainfo(
        info_hash=hashlib.sha1(raw_info).digest(),
        name=_safe_name(_field(info, b"name", bytes)),
        length=length,
        piece_length=piece_length,
        digests=digests,
        trackers=trackers,
        private=info.get(b"private") == 1,
        raw_info=raw_info,
    )


def _trackers(torrent: dict[bytes, Any]) -> tuple[str, ...]:
    announce = torrent.get(b"announce")
    return (announce.decode(errors="replace"),) if isinstance(announce, bytes) and announce else ()


def _safe_name(raw: bytes) -> str:
    name = raw.decode(errors="replace")
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise MetainfoError(f"info.name {name!r} would leave the download directory")
    return name


def _field(table: dict[bytes, Any], key: bytes, kind: type) -> Any:
    value = table.get(key)
    if not isinstance(value, kind):
        raise MetainfoError(f"{key.decode()} is missing or not {kind.__name__}")
    return value
