"""Layout: where a torrent's files lie in its one stream of bytes.

The stream is cut into pieces of equal length, so a piece starts at `piece * piece_length` in every kind of torrent.
What lies in no file is zeros: padding files (BEP 47), and in v2 the gap from a file's end to the next piece (BEP 52).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from p2p_node.wire.errors import MetainfoError

MAX_LENGTH = (1 << 63) - 1
"""What a file offset can express."""

MAX_FILES = 1 << 17
MAX_DEPTH = 64
"""Directories within directories; few file systems open a path that is much deeper."""

MAX_NAME = 255
"""Bytes in a name, on every common file system."""


@dataclass(frozen=True, slots=True)
class File:
    """One file: its path below the download (empty for a torrent that is one file), and its place in the stream."""

    path: tuple[str, ...]
    offset: int
    length: int
    padding: bool = False
    executable: bool = False
    root: bytes | None = None
    """The root of its merkle tree (BEP 52), where the torrent has one."""

    @property
    def end(self) -> int:
        """The stream offset just past its last byte."""
        return self.offset + self.length


class Span(NamedTuple):
    """A part of the stream within one file, by its index in `Layout.files`; or zeros, where that is None."""

    file: int | None
    offset: int
    length: int


class Layout:
    """The files in the order of the stream. Raises MetainfoError when their paths collide."""

    def __init__(self, files: Sequence[File]) -> None:
        self.files = tuple(files)
        self.end = max((file.end for file in self.files), default=0)
        """Where the stream ends."""
        self._solid = [index for index, file in enumerate(self.files) if file.length and not file.padding]
        self._starts = [self.files[index].offset for index in self._solid]
        self.padded = self.length < self.end
        """Whether parts of the stream are zeros that belong to no file."""
        _check_paths([file.path for file in self.files if not file.padding])

    @property
    def length(self) -> int:
        """Bytes in all files, without padding."""
        return sum(self.files[index].length for index in self._solid)

    def at(self, offset: int) -> int | None:
        """The index of the file that holds this byte of the stream; None where it is padding."""
        position = bisect_right(self._starts, offset) - 1
        if position >= 0 and offset < self.files[self._solid[position]].end:
            return self._solid[position]
        return None

    def within(self, offset: int, length: int) -> tuple[int, int] | None:
        """The file that holds this whole range of the stream, by its index, and where in it the range begins; None when
        no single file does."""
        index = self.at(offset)
        if index is None or offset + length > self.files[index].end:
            return None
        return index, offset - self.files[index].offset

    def spans(self, offset: int, length: int) -> Iterator[Span]:
        """The parts that make up this range of the stream, in order."""
        end = offset + length
        position = max(bisect_right(self._starts, offset) - 1, 0)
        for index in islice(self._solid, position, None):
            file = self.files[index]
            if file.offset >= end or offset >= end:
                break
            if file.end <= offset:
                continue
            if file.offset > offset:
                yield Span(None, 0, file.offset - offset)
                offset = file.offset
            size = min(end, file.end) - offset
            yield Span(index, offset - file.offset, size)
            offset += size
        if offset < end:
            yield Span(None, 0, end - offset)

    def padding(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """Start and end, counted from `offset`, of each run of zeros in this range of the stream."""
        if not self.padded:
            return
        at = 0
        for file, _, size in self.spans(offset, length):
            if file is None:
                yield at, at + size
            at += size


def safe_name(raw: object, where: str) -> str:
    """One name of a path, as text; raises MetainfoError when it could leave the directory it is in."""
    if not isinstance(raw, bytes):
        raise MetainfoError(f"{where} is missing or not bytes")
    name = raw.decode(errors="replace")
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise MetainfoError(f"{where} {name!r} would leave the download directory")
    if len(name.encode()) > MAX_NAME:
        raise MetainfoError(f"{where} is longer than {MAX_NAME} bytes")
    return name


def _check_paths(paths: Sequence[tuple[str, ...]]) -> None:
    # Compared without case: on many file systems, names that differ only in case are one file.
    folded = [tuple(name.casefold() for name in path) for path in paths]
    files = set(folded)
    if len(files) < len(folded):
        twice = Counter(folded).most_common(1)[0][0]
        raise MetainfoError(f"file {'/'.join(twice)!r} is there twice")
    directories = {path[:depth] for path in folded for depth in range(len(path))}
    if both := files & directories:
        raise MetainfoError(f"{'/'.join(min(both))!r} is a file and also a directory")
