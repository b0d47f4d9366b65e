"""Content to share: what lies at a path, in the order in which a torrent has it, and its hashes.

The order is that of a v2 file tree, so that one order serves every version.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from p2p_node.shell.errors import NodeError, describe
from p2p_node.shell.files import Files
from p2p_node.wire import merkle
from p2p_node.wire.layout import File, Layout
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.piece_layers import PieceLayers, tree_height


class Hashes(NamedTuple):
    """What identifies content: each piece's SHA-1 (v1), the files with their roots, and their piece layers (v2)."""

    digests: list[bytes]
    files: Sequence[File] = ()
    layers: Mapping[bytes, bytes] = MappingProxyType({})


def find_files(path: Path) -> list[File]:
    """The files at `path`, one after the other. Raises NodeError for what cannot be shared."""
    try:
        found = sorted(_walk(path, ()))
    except OSError as error:
        raise describe(error, f"read {path}") from None
    except UnicodeEncodeError as error:
        raise NodeError(f"{path}: the name {error.object!r} is not UTF-8; rename it") from None
    files: list[File] = []
    offset = 0
    for names, length, executable in found:
        files.append(File(tuple(name.decode() for name in names), offset, length, executable=executable))
        offset += length
    if offset == 0:
        raise NodeError(f"{path} is empty: there is nothing to share")
    return files


def align(files: Sequence[File], piece_length: int, pad: bool) -> list[File]:
    """The same files, each from a piece boundary on (BEP 52); `pad` fills the gaps with padding files (BEP 47)."""
    aligned: list[File] = []
    offset = 0
    for file in files:
        start = -(-offset // piece_length) * piece_length if file.length else offset
        if pad and start > offset:
            aligned.append(File((), offset, start - offset, padding=True))
        aligned.append(replace(file, offset=start))
        offset = start + file.length
    return aligned


def hash_content(path: Path, files: Sequence[File], piece_length: int, v1: bool, v2: bool) -> Hashes:
    """Hash every piece, on as many threads as there are processors. Raises NodeError."""
    layout = Layout(files)
    trees = PieceLayers(layout, piece_length)
    content = Files(layout, path, writable=False)

    def hash_piece(piece: int) -> tuple[bytes, bytes]:
        offset = piece * piece_length
        data = memoryview(bytearray(min(piece_length, layout.end - offset)))
        content.read_into(offset, [data])
        digest = hashlib.sha1(data).digest() if v1 else b""
        return digest, trees.root_of(piece, merkle.leaves(data[: trees.size(piece)])) if v2 else b""

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        hashed = list(threads.map(hash_piece, range(-(-layout.end // piece_length))))
    content.close()
    digests = [digest for digest, _ in hashed]
    return Hashes(digests, *_join_trees(layout, trees.height, [top for _, top in hashed])) if v2 else Hashes(digests)


def _join_trees(layout: Layout, height: int, tops: Sequence[bytes]) -> tuple[list[File], dict[bytes, bytes]]:
    piece_length = BLOCK << height
    files: list[File] = []
    layers: dict[bytes, bytes] = {}
    for file in layout.files:
        if file.padding or not file.length:
            files.append(file)
            continue
        layer = tops[file.offset // piece_length : -(-file.end // piece_length)]
        root = layer[0] if file.length <= piece_length else merkle.root(layer, tree_height(file), height)
        if file.length > piece_length:
            layers[root] = b"".join(layer)
        files.append(replace(file, root=root))
    return files, layers


def _walk(path: Path, names: tuple[bytes, ...]) -> Iterator[tuple[tuple[bytes, ...], int, bool]]:
    status = path.stat() if not names else path.lstat()
    if stat.S_ISREG(status.st_mode):
        yield names, status.st_size, bool(status.st_mode & stat.S_IXUSR)
    elif stat.S_ISDIR(status.st_mode):
        for entry in path.iterdir():
            yield from _walk(entry, (*names, entry.name.encode()))
    else:
        raise NodeError(f"{path} is neither a file nor a directory; only these can be shared")
