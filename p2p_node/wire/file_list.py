"""The v1 file list: `length`, or `files` one after the other (BEP 3), with padding and attributes (BEP 47)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.layout import MAX_DEPTH, MAX_FILES, MAX_LENGTH, File, safe_name


def read_file_list(info: dict[bytes, Any]) -> list[File]:
    """The files of a v1 info dictionary, padding among them; raises MetainfoError."""
    if b"files" not in info:
        length = read_length(info.get(b"length"), "info.length")
        return [File((), 0, length, executable=b"x" in attributes(info))]
    if b"length" in info:
        raise MetainfoError("info has both length and files")
    entries = info[b"files"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_FILES:
        raise MetainfoError(f"info.files is not a list of 1 to {MAX_FILES} files")
    files: list[File] = []
    offset = 0
    for number, entry in enumerate(entries):
        file = _read_entry(entry, f"info.files[{number}]", offset)
        if file is not None:
            files.append(file)
            offset = file.end
        if offset > MAX_LENGTH:
            raise MetainfoError(f"info.files[{number}] ends beyond {MAX_LENGTH} bytes")
    return files


def write_file_list(files: Sequence[File]) -> list[dict[bytes, Any]]:
    """The value of `files` for these files."""
    entries = []
    for file in files:
        path = (".pad", str(file.length)) if file.padding else file.path
        entry: dict[bytes, Any] = {b"length": file.length, b"path": [name.encode() for name in path]}
        if attr := write_attributes(file):
            entry[b"attr"] = attr
        entries.append(entry)
    return entries


def attributes(entry: dict[bytes, Any]) -> bytes:
    """The letters of BEP 47: l, x, h, p."""
    attr = entry.get(b"attr", b"")
    return attr if isinstance(attr, bytes) else b""


def write_attributes(file: File) -> bytes:
    """The letters that a file has."""
    return b"p" if file.padding else b"x" if file.executable else b""


def read_length(value: object, where: str) -> int:
    """A length in bytes; raises MetainfoError."""
    if not isinstance(value, int):
        raise MetainfoError(f"{where} is missing or no number")
    if not 0 <= value <= MAX_LENGTH:
        raise MetainfoError(f"{where} is {value}")
    return value


def _read_entry(entry: object, where: str, offset: int) -> File | None:
    if not isinstance(entry, dict):
        raise MetainfoError(f"{where} is not a dictionary")
    attr = attributes(entry)
    if b"l" in attr:
        return None  # a symbolic link holds no bytes, and one that somebody else chose is never made
    length = read_length(entry.get(b"length"), f"{where}.length")
    if b"p" in attr:
        return File((), offset, length, padding=True)  # whatever its path, which may be left out
    path = entry.get(b"path.utf-8", entry.get(b"path"))
    if not isinstance(path, list) or not 0 < len(path) <= MAX_DEPTH:
        raise MetainfoError(f"{where}.path is not a list of 1 to {MAX_DEPTH} names")
    names = tuple(safe_name(name, f"{where}.path") for name in path)
    return File(names, offset, length, executable=b"x" in attr)
