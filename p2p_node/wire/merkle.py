"""Merkle trees over a file's blocks (BEP 52): SHA-256, two branches, 16 KiB leaves, zeros where the file has ended.

A height counts layers above the leaves. A layer may leave out the hashes beyond the file's end: they are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from p2p_node.wire.messages import BLOCK

HASH = 32
"""Bytes in a SHA-256."""


def leaves(data: bytes | memoryview) -> list[bytes]:
    """The hash of each block of `data`, the last of which may be shorter."""
    view = memoryview(data)
    return [hashlib.sha256(view[at : at + BLOCK]).digest() for at in range(0, len(view), BLOCK)]


def height_of(width: int) -> int:
    """The height of the smallest tree with room for `width` leaves."""
    return max(width - 1, 0).bit_length()


@cache
def beyond(height: int) -> bytes:
    """The hash at this height of a tree that lies wholly beyond the file's end."""
    return bytes(HASH) if height == 0 else _parent(beyond(height - 1), beyond(height - 1))


def levels(base: Sequence[bytes], height: int, base_height: int = 0) -> list[list[bytes]]:
    """The layers from `base` (which is at `base_height`) up to the root at `height`, hashes beyond the end left out."""
    layers = [list(base)]
    for below in range(base_height, height):
        layer = layers[-1]
        if len(layer) % 2:
            layer = [*layer, beyond(below)]
        layers.append([_parent(layer[at], layer[at + 1]) for at in range(0, len(layer), 2)])
    return layers


def root(base: Sequence[bytes], height: int, base_height: int = 0) -> bytes:
    """The root at `height` of the tree with this layer at `base_height`."""
    top = levels(base, height, base_height)[-1]
    return top[0] if top else beyond(height)


def climb(digest: bytes, index: int, uncles: Sequence[bytes]) -> bytes:
    """The root that a hash leads to: the `index`-th of its layer, with each ancestor's sibling from there upwards."""
    for uncle in uncles:
        digest = _parent(uncle, digest) if index & 1 else _parent(digest, uncle)
        index >>= 1
    return digest


def split(hashes: bytes | memoryview) -> list[bytes]:
    """Hashes that stand one after the other."""
    view = memoryview(hashes)
    return [bytes(view[at : at + HASH]) for at in range(0, len(view), HASH)]


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(left + right).digest()
