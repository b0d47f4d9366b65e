"""How many connected peers have each piece, kept so that the rarest of any set is found in a few operations.

The counts of all pieces are one number in binary, each digit the set (see `bits`) of the pieces whose count has it: a
peer's pieces are added to all counts at once, like any two binary numbers, whether it tells of one or has everything.
"""

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
    """Copies of each piece among connected peers."""

    def __init__(self, piece_count: int) -> None:
        self._all = (1 << piece_count) - 1
        self._piece_count = piece_count
        self._digits: list[int] = []
        """Bit p of the k-th is digit k of the copies of piece p."""

    def add_all(self, have: int) -> None:
        """One more peer has these pieces."""
        carry = have
        for place, digit in enumerate(self._digits):
            if not carry:
                return
            self._digits[place] = digit ^ carry
            carry &= digit
        if carry:
            self._digits.append(carry)

    def remove_all(self, have: int) -> None:
        """A peer that had these pieces has them no longer, or is gone."""
        borrow = have
        for place, digit in enumerate(self._digits):
            if not borrow:
                return
            self._digits[place] = digit ^ borrow
            borrow &= ~digit

    def copies(self, piece: int) -> int:
        """How many connected peers have this piece."""
        return sum((digit >> piece & 1) << place for place, digit in enumerate(self._digits))

    @property
    def absent(self) -> int:
        """The pieces that no connected peer has."""
        absent = self._all
        for digit in self._digits:
            absent &= ~digit
        return absent

    @property
    def diversity(self) -> Diversity:
        """How evenly pieces are spread now."""
        copies = sum(digit.bit_count() << place for place, digit in enumerate(self._digits))
        rarest = self._rarest(self._all)
        fewest = self.copies(bits.first(rarest, 0))
        return Diversity(copies / self._piece_count, fewest, rarest.bit_count())

    def rarest(self, among: int, rng: Random, hint: int = 0) -> int:
        """The rarest piece of a non-empty set; of several one in `hint`, and else at random, so that peers do
        not all want the same one."""
        if not among:
            raise ValueError("no piece to choose from")
        found = self._rarest(among)
        return bits.first(found & hint or found, rng.randrange(self._piece_count))

    def _rarest(self, among: int) -> int:
        for digit in reversed(self._digits):
            among = among & ~digit or among
        return among
