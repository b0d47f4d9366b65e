"""The v2 file tree (BEP 52): dictionaries of names, in which an empty name holds a file's length and pieces root.

Files follow each other in the tree's order, each from a piece boundary on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.file_list import attributes, read_length, write_attributes
from p2p_node.wire.layout import MAX_DEPTH, MAX_FILES, MAX_LENGTH, File, safe_name
from p2p_node.wire.merkle import HASH


def read_file_tree(tree: object, name: str, piece_length: int) -> list[File]:
    """The files of a v2 info dictionary; raises MetainfoError.

    A tree of nothing but a file with the torrent's name is a torrent of one file.
    """
    files: list[File] = []
    offset = 0
    for path, entry in _walk(tree, ()):
        where = f"info.file tree {'/'.join(path)}"
        if b"l" in attributes(entry):
            continue  # see file_list: a symbolic link is never made
        length = read_length(entry.get(b"length"), f"{where}: length")
        offset = -(-offset // piece_length) * piece_length if length else offset
        files.append(File(path, offset, length, False, b"x" in attributes(entry), _root(entry, length, where)))
        offset += length
        if offset > MAX_LENGTH:
            raise MetainfoError(f"{where} ends beyond {MAX_LENGTH} bytes")
        if len(files) > MAX_FILES:
            raise MetainfoError(f"info.file tree has more than {MAX_FILES} files")
    if not files:
        raise MetainfoError("info.file tree has no files")
    if len(files) == 1 and files[0].path == (name,):
        return [File((), 0, files[0].length, False, files[0].executable, files[0].root)]
    return files


def write_file_tree(files: Sequence[File], name: str) -> dict[bytes, Any]:
    """The value of `file tree` for these files, of which none is padding."""
    tree: dict[bytes, Any] = {}
    for file in files:
        entry: dict[bytes, Any] = {b"length": file.length}
        if file.root is not None:
            entry[b"pieces root"] = file.root
        if attr := write_attributes(file):
            entry[b"attr"] = attr
        directory = tree
        for part in file.path or (name,):
            directory = directory.setdefault(part.encode(), {})
        directory[b""] = entry
    return tree


def _walk(tree: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[bytes, Any]]]:
    where = f"info.file tree {'/'.join(path)}".rstrip()
    if not isinstance(tree, dict) or not tree:
        raise MetainfoError(f"{where} is missing or not a directory")
    if b"" in tree:
        if not path or len(tree) > 1 or not isinstance(tree[b""], dict):
            raise MetainfoError(f"{where} is not a file: an empty name stands alone, and in a named entry")
        yield path, tree[b""]
        return
    if len(path) == MAX_DEPTH:
        raise MetainfoError(f"info.file tree is deeper than {MAX_DEPTH}")
    for raw, below in tree.items():
        yield from _walk(below, (*path, safe_name(raw, where)))


def _root(entry: dict[bytes, Any], length: int, where: str) -> bytes | None:
    if length == 0:
        return None
    root = entry.get(b"pieces root")
    if not isinstance(root, bytes) or len(root) != HASH or not any(root):
        raise MetainfoError(f"{where}: pieces root is not {HASH} bytes of hash")
    return root
