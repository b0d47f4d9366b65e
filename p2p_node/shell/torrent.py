"""Making and reading torrent files on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metainfo import Metainfo, choose_piece_length, decode_metainfo, encode_metainfo

_MAX_TORRENT = 64 << 20
"""Bytes read of a torrent file; far more than any real one, far less than memory."""


def create_torrent(file: Path, piece_length: int | None, tracker: str | None) -> bytes:
    """The torrent of `file`; the piece length is chosen from its size when None. Raises NodeError."""
    try:
        length = file.stat().st_size
        if length == 0:
            raise NodeError(f"{file} is empty: there is nothing to share")
        piece_length = piece_length or choose_piece_length(length)
        digests = list(_digests(file, piece_length))
    except OSError as error:
        raise describe(error, f"read {file}") from None
    return encode_metainfo(file.name, length, piece_length, digests, tracker)


def read_torrent(path: Path) -> Metainfo:
    """The torrent in the file at `path`. Raises NodeError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TORRENT)
    except OSError as error:
        raise describe(error, f"read {path}") from None
    try:
        return decode_metainfo(data)
    except MetainfoError as error:
        raise NodeError(f"{path}: {error}") from None


def magnet_link(path: Path) -> str:
    """The magnet link of the torrent in the file at `path`. Raises NodeError."""
    metainfo = read_torrent(path)
    return Magnet(info_hash_v1=metainfo.info_hash, name=metainfo.name, trackers=metainfo.trackers).encode()


def _digests(file: Path, piece_length: int) -> Iterator[bytes]:
    with file.open("rb") as content:
        while piece := content.read(piece_length):
            yield hashlib.sha1(piece).digest()
