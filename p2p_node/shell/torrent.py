"""Making and reading torrent files on disk."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from p2p_node.shell.content import align, find_files, hash_content
from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.file_list import write_file_list
from p2p_node.wire.file_tree import write_file_tree
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo, choose_piece_length, decode_metainfo, encode_torrent

_MAX_TORRENT = 64 << 20
"""Bytes read of a torrent file; far more than any real one, far less than memory."""


class Version(Enum):
    """Who can use a torrent: every client, those that know BEP 52, or both with the best that each knows."""

    V1 = "1"
    V2 = "2"
    HYBRID = "hybrid"


def create_torrent(
    path: Path,
    piece_length: int | None = None,
    trackers: Sequence[str] = (),
    web_seeds: Sequence[str] = (),
    private: bool = False,
    version: Version = Version.V1,
) -> bytes:
    """The torrent of the file or directory at `path`; the piece length is chosen from its size when None.

    Each tracker is a tier of its own (BEP 12). Raises NodeError.
    """
    v1, v2 = version is not Version.V2, version is not Version.V1
    files = find_files(path)
    piece_length = piece_length or choose_piece_length(sum(file.length for file in files))
    if v2 and (piece_length < BLOCK or piece_length & (piece_length - 1)):
        raise NodeError(f"pieces of {piece_length} bytes: version 2 needs a power of two of at least {BLOCK}")
    if v2:
        files = align(files, piece_length, pad=v1)
    hashes = hash_content(path, files, piece_length, v1, v2)
    name = path.resolve().name
    info: dict[bytes, Any] = {b"name": name.encode(errors="surrogateescape"), b"piece length": piece_length}
    if private:
        info[b"private"] = 1
    if v1:
        info[b"pieces"] = b"".join(hashes.digests)
        info |= {b"files": write_file_list(files)} if files[0].path else {b"length": files[0].length}
    if v2:
        in_tree = [file for file in hashes.files if not file.padding]
        info |= {b"meta version": 2, b"file tree": write_file_tree(in_tree, name)}
    torrent = encode_torrent(
        info, tuple(tuple(tier.split(",")) for tier in trackers), web_seeds, hashes.layers if v2 else None
    )
    _decode(torrent, path)  # what others would have to refuse is not made
    return torrent


def read_torrent(path: Path) -> Metainfo:
    """The torrent in the file at `path`. Raises NodeError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TORRENT)
    except OSError as error:
        raise describe(error, f"read {path}") from None
    return _decode(data, path)


def _decode(data: bytes, path: Path) -> Metainfo:
    try:
        return decode_metainfo(data)
    except MetainfoError as error:
        raise NodeError(f"{path}: {error}") from None


def magnet_link(path: Path) -> str:
    """The magnet link of the torrent in the file at `path`. Raises NodeError."""
    metainfo = read_torrent(path)
    v1 = metainfo.info_hash if metainfo.v1 else None
    link = Magnet(v1, metainfo.info_hash_v2, metainfo.name, metainfo.tracker_urls, metainfo.web_seeds)
    return link.encode()
