"""A mesh of bounded degree as so many matchings: in each of them everybody has one partner at most.

So in one matching nobody is sent to by two, and all can be served at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 13
"""Peers whose rows lie side by side."""

Matching = npt.NDArray[np.intp]
"""The partner of each peer; itself where it has none."""


def mesh(members: npt.NDArray[np.intp], total: int, degree: int, rng: np.random.Generator) -> list[Matching]:
    """Matchings among these members out of `total` peers: everybody with everybody if `degree` allows it, else random
    ones, which together are a random graph of about that degree (some pairs come up twice in a small crowd)."""
    if len(members) <= degree + 1:
        return [_matching(pairs, total) for pairs in _rounds(members)]
    return [_matching(_paired(_shuffled(members, rng)), total) for _ in range(degree)]


def _rounds(members: npt.NDArray[np.intp]) -> Sequence[npt.NDArray[np.intp]]:
    """Each pair once, in as few rounds as there are: the circle method of round-robin tournaments."""
    ring = list(members) if len(members) % 2 == 0 else [*members, -1]
    rounds = []
    for _ in range(len(ring) - 1):
        pairs = [(ring[i], ring[-1 - i]) for i in range(len(ring) // 2)]
        rounds.append(np.array([pair for pair in pairs if -1 not in pair], dtype=np.intp).reshape(-1, 2))
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return rounds


def _shuffled(members: npt.NDArray[np.intp], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Members by lot, but so that partners are from two blocks: their rows are then in the processor's cache."""
    blocks = np.array_split(members, -(-len(members) // BLOCK))
    pairs = rng.permutation(len(blocks))
    return np.concatenate(
        [rng.permutation(np.concatenate([blocks[i] for i in pairs[at : at + 2]])) for at in range(0, len(pairs), 2)]
    )


def _paired(order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    even = len(order) // 2 * 2
    return order[:even].reshape(-1, 2)


def _matching(pairs: npt.NDArray[np.intp], total: int) -> Matching:
    partners = np.arange(total, dtype=np.intp)
    partners[pairs[:, 0]], partners[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    return partners
