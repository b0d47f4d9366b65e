"""A summary of the keys that a supernode can tell about: a Bloom filter (Bloom 1970), of bounded size.

The rule: who has a key is never missed, and who has it not is seldom asked. Keys are hashes already, so their own bytes
choose the bits, as in BEP 33.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2p_node.discovery.base import Key
from p2p_node.wire.supernode import MAX_PARTS, PART

HASHES = 5
BITS_PER_KEY = 10
"""One key in a hundred that is not there seems to be: (1 − e^(−5/10))⁵ = 0.0094."""

MIN_BYTES = 512
"""Room for 400 keys in one datagram."""

MAX_BYTES = PART * MAX_PARTS
"""Room for 13,000 keys; a registry has 10,000."""

MAX_FILL = 0.5
"""Share of bits that are set in an honest summary at most: a full one has 1 − e^(−5/10) = 0.39. A liar that sets half
of them is asked for one foreign key in 32."""


class Summary:
    """A set of keys that may seem to have some more."""

    __slots__ = ("_bits", "_modulus")

    def __init__(self, bits: bytes | bytearray) -> None:
        self._bits = bytearray(bits)
        self._modulus = 8 * len(bits)

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Summary:
        """The summary of these keys, with room for as many more."""
        size = MIN_BYTES
        while size < MAX_BYTES and 8 * size < 2 * BITS_PER_KEY * len(keys):
            size *= 2
        summary = cls(bytes(size))
        summary.update(keys)
        return summary

    @property
    def capacity(self) -> int:
        """How many keys it can hold while one in a hundred others seems to be there."""
        return self._modulus // BITS_PER_KEY

    @property
    def plausible(self) -> bool:
        """Whether no more bits are set than an honest one has."""
        return int.from_bytes(self._bits, "big").bit_count() <= MAX_FILL * self._modulus

    def __contains__(self, key: Key) -> bool:
        return all(self._bits[at >> 3] >> (at & 7) & 1 for at in self._places(key))

    def update(self, keys: Iterable[Key]) -> None:
        """Add these."""
        for key in keys:
            for at in self._places(key):
                self._bits[at >> 3] |= 1 << (at & 7)

    def parts(self) -> list[bytes]:
        """Its bits, as they are sent."""
        return [bytes(self._bits[at : at + PART]) for at in range(0, len(self._bits), PART)]

    def _places(self, key: Key) -> list[int]:
        return [int.from_bytes(key[at : at + 4], "big") % self._modulus for at in range(0, 4 * HASHES, 4)]
