"""Rounds of a lookup, which nobody but who seeks can begin: a chain of hashes, as in one-time passwords (Lamport 1981).

The rule: a lookup is named by the end of a chain, and each round shows the link before the last round's. Whoever passes
on a round knows the proofs of that one and of earlier ones, and can tell nobody of later ones in advance.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from p2p_node.discovery.base import LookupId
from p2p_node.wire.gossip import LOOKUP, MAX_RINGS


def chain(secret: bytes) -> tuple[LookupId, Sequence[bytes]]:
    """A lookup's name, and the proof of each of its rounds."""
    links = [secret]
    for _ in range(MAX_RINGS):
        links.append(_hash(links[-1]))
    return links.pop(), links[::-1]


def is_proof(proof: bytes, ring: int, lookup: LookupId) -> bool:
    """Whether who seeks began this round of the lookup."""
    for _ in range(ring + 1):
        proof = _hash(proof)
    return proof == lookup


def _hash(link: bytes) -> bytes:
    return blake2b(link, digest_size=LOOKUP).digest()
