"""Payload: bytes that take time and no memory. What is right is zeros, what is wrong is not, and hashing looks at the
first byte of each block.
"""

from __future__ import annotations

from functools import cache

from p2p_node.wire.messages import RUN

_RIGHT = memoryview(bytes(RUN))
_WRONG = memoryview(b"\xff" * RUN)


@cache
def right(size: int) -> memoryview:
    """So many bytes of a piece as it is."""
    return _RIGHT[:size] if size <= RUN else memoryview(bytes(size))


@cache
def wrong(size: int) -> memoryview:
    """So many bytes as only a poisoner sends them."""
    return _WRONG[:size] if size <= RUN else memoryview(b"\xff" * size)


def is_wrong(block: bytes | memoryview) -> bool:
    """Whether the hash of a piece with this block is not the right one."""
    return bool(block) and block[0] != 0
