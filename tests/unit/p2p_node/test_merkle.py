"""Merkle trees: against trees computed in another way."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import merkle
from p2p_node.wire.messages import BLOCK


def plain_root(hashes: list[bytes]) -> bytes:
    """By the definition: every leaf there, zeros up to the next power of two, halved until one is left."""
    width = 1
    while width < len(hashes):
        width *= 2
    hashes = hashes + [bytes(32)] * (width - len(hashes))
    while len(hashes) > 1:
        hashes = [hashlib.sha256(hashes[at] + hashes[at + 1]).digest() for at in range(0, len(hashes), 2)]
    return hashes[0]


HASHES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


@given(HASHES)
def test_a_root_is_that_of_the_full_tree(hashes: list[bytes]) -> None:
    """Though hashes beyond the end are left out of every layer."""
    assert merkle.root(hashes, merkle.height_of(len(hashes))) == plain_root(hashes)


@given(HASHES, st.data())
def test_every_hash_climbs_to_the_root(hashes: list[bytes], data: st.DataObject) -> None:
    """With its uncles from each layer."""
    height = merkle.height_of(len(hashes))
    layers = merkle.levels(hashes, height)
    index = data.draw(st.integers(0, len(hashes) - 1))
    uncles = []
    for above, layer in enumerate(layers[:-1]):
        sibling = (index >> above) ^ 1
        uncles.append(layer[sibling] if sibling < len(layer) else merkle.beyond(above))
    assert merkle.climb(hashes[index], index, uncles) == layers[-1][0]


def test_leaves_are_blocks() -> None:
    """The last may be short, and is not filled up."""
    data = bytes(BLOCK) + b"x"
    assert merkle.leaves(data) == [hashlib.sha256(bytes(BLOCK)).digest(), hashlib.sha256(b"x").digest()]
