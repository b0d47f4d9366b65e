"""Leaf hashes of pieces that are here, from the storage: reading and hashing megabytes is no business of the core.

One order is under way at a time, so that whoever asks for hashes never keeps more than one thread busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from p2p_node.boundary import Effect, HashLeaves

Leaves: TypeAlias = Sequence[bytes]
"""SHA-256 of each block of some pieces; none when they could not be read."""

Then: TypeAlias = Callable[[Leaves, float], None]


class LeafHashing:
    """Orders leaf hashes and hands them to who asked. Appends to the effects list that it shares with its swarm."""

    def __init__(self, effects: list[Effect]) -> None:
        self._effects = effects
        self._orders: deque[tuple[range, Then]] = deque()

    def order(self, pieces: range, then: Then) -> None:
        """Have the blocks of these pieces hashed; `then` gets the hashes."""
        self._orders.append((pieces, then))
        if len(self._orders) == 1:
            self._effects.append(HashLeaves(pieces))

    def hashed(self, leaves: Leaves, now: float) -> None:
        """The answer to the last `HashLeaves`."""
        _, then = self._orders.popleft()
        if self._orders:
            self._effects.append(HashLeaves(self._orders[0][0]))
        then(leaves, now)
