"""How many connected peers have each piece, kept as one set a level so that the rarest of any set is found in a few
operations."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from p2p_node.core import bits


class Diversity(NamedTuple):
    """How evenly pieces are spread among the connected peers: copies on average, the fewest of any piece, and how many
    pieces have so few."""

    mean: float
    fewest: int
    rarest: int


class Rarity:
    """Copies of each piece among connected peers. Whole seeds are counted apart: they add a copy of everything."""

    def __init__(self, piece_count: int) -> None:
        self._all = (1 << piece_count) - 1
        self._piece_count = piece_count
        self._copies = [0] * piece_count
        self._levels = [self._all]
        self.seeds = 0

    def add(self, piece: int) -> None:
        """One more peer has this piece."""
        self._move(piece, +1)

    def add_all(self, have: int) -> None:
        """A peer joined that has these pieces."""
        if have == self._all:
            self.seeds += 1
            return
        for piece in bits.members(have):
            self._move(piece, +1)

    def remove_all(self, have: int) -> None:
        """A peer that had these pieces left."""
        if have == self._all and self.seeds:
            self.seeds -= 1
            return
        for piece in bits.members(have):
            self._move(piece, -1)

    def completed(self, have_before: int) -> None:
        """A peer counted piece by piece became a seed."""
        for piece in bits.members(have_before):
            self._move(piece, -1)
        self.seeds += 1

    def copies(self, piece: int) -> int:
        """How many connected peers have this piece."""
        return self._copies[piece] + self.seeds

    @property
    def absent(self) -> int:
        """The pieces that no connected peer has."""
        return 0 if self.seeds else self._levels[0]

    @property
    def diversity(self) -> Diversity:
        """How evenly pieces are spread now."""
        counts = [level.bit_count() for level in self._levels]
        fewest = next(copies for copies, count in enumerate(counts) if count)
        mean = sum(copies * count for copies, count in enumerate(counts)) / self._piece_count
        return Diversity(mean + self.seeds, fewest + self.seeds, counts[fewest])

    def rarest(self, among: int, rng: Random, hint: int = 0) -> int:
        """The rarest piece of a non-empty set; of several one in `hint`, and else at random, so that peers do
        not all want the same one."""
        for level in self._levels:
            if found := level & among:
                return bits.first(found & hint or found, rng.randrange(self._piece_count))
        raise ValueError("no piece to choose from")

    def _move(self, piece: int, step: int) -> None:
        bit = 1 << piece
        level = self._copies[piece]
        self._levels[level] ^= bit
        level += step
        self._copies[piece] = level
        if level == len(self._levels):
            self._levels.append(0)
        self._levels[level] |= bit
