"""Piece buffers: where pieces are collected, used again and again.

A large buffer begins on a page, as its piece does in the file: the kernel then copies to the file for 0.11 CPU-s/GiB,
and for 0.15 from memory that begins anywhere else. With large pages, fewer of them have to be looked up.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

_ALIGNED_FROM = 128 * 1024
"""Smaller buffers come from the allocator: many share a page."""

_LARGE_PAGE = 2 << 20
"""A smaller buffer does not fill one."""

_SPARE = 8
"""Buffers kept for the next pieces; a fresh one costs page faults."""


class PieceBuffers:
    """Buffers of one size in bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._spare: list[memoryview] = []

    def take(self) -> memoryview:
        """A buffer, holding anything."""
        return self._spare.pop() if self._spare else self._fresh()

    def give_back(self, buffer: memoryview) -> None:
        """The buffer is not needed any more."""
        if len(self._spare) < _SPARE:
            self._spare.append(buffer)

    def clear(self) -> None:
        """Keep none."""
        self._spare.clear()

    def _fresh(self) -> memoryview:
        if self._size < _ALIGNED_FROM:
            return memoryview(bytearray(self._size))
        memory = mmap.mmap(-1, self._size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if self._size >= _LARGE_PAGE:
            with suppress(OSError):  # a kernel without large pages
                memory.madvise(mmap.MADV_HUGEPAGE)
        return memoryview(memory)
