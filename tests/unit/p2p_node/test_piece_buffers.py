"""Piece buffers are given out again, and large ones lie as pages do."""

import ctypes
import mmap

import pytest

from p2p_node.shell.piece_buffers import PieceBuffers


@pytest.mark.parametrize("size", [1, 16 * 1024, 256 * 1024, 2 << 20, (2 << 20) + 1])
def test_a_buffer_has_the_size_asked_for(size: int) -> None:
    """Whatever the piece length, a buffer holds exactly a piece and can be written."""
    buffer = PieceBuffers(size).take()
    buffer[-1] = 7
    assert len(buffer) == size


@pytest.mark.parametrize("size", [128 * 1024, 2 << 20])
def test_a_large_buffer_begins_on_a_page(size: int) -> None:
    """The kernel copies slower from anywhere else."""
    buffer = PieceBuffers(size).take()
    assert ctypes.addressof(ctypes.c_char.from_buffer(buffer)) % mmap.PAGESIZE == 0


def test_a_buffer_given_back_is_the_next_one_taken() -> None:
    """Fresh memory costs page faults."""
    buffers = PieceBuffers(256 * 1024)
    first = buffers.take()
    buffers.give_back(first)
    assert buffers.take() is first


def test_spare_buffers_are_few() -> None:
    """What many pieces in progress needed is not kept for ever."""
    buffers = PieceBuffers(1024)
    taken = [buffers.take() for _ in range(100)]
    for buffer in taken:
        buffers.give_back(buffer)
    kept = {id(buffer) for buffer in taken}
    assert sum(id(buffers.take()) in kept for _ in range(20)) < 20
