"""Supernodes that index what their leaves have, and ask each other by Bloom filters (decision 0054).

√n of n nodes are supernodes, as far as their full mesh goes; all others are spread evenly over them, and each has an
item of its own. A leaf asks its supernode; that asks those whose filter seems to have the key, so many at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from harness.analysis.models.searches import Search

MOST = 65
"""Supernodes in a mesh (`p2p_node/wire/supernode.py`)."""

ASKED_AT_ONCE, WAVES = 4, 4
"""Supernodes asked at a time, and how many times (`p2p_node/discovery/supernode/queries.py`)."""

HASHES, BITS_PER_KEY, MAX_BITS = 5, 10, 8 * 16 * 1024
MAX_FILL = 0.5
"""Of a filter: hashes of a key, bits for each of twice as many keys as there are, and its bounds: one that is fuller is
not believed (`p2p_node/discovery/supernode/summary.py`)."""


def count_of(nodes: int) -> int:
    """Supernodes among so many nodes."""
    return min(MOST, math.ceil(math.sqrt(nodes)))


def fill(keys: float) -> float:
    """The share of bits that are set in a filter of so many keys."""
    return 1 - math.exp(-HASHES * keys / min(MAX_BITS, 2 * BITS_PER_KEY * max(keys, 1)))


def searches(nodes: int, count: int, seed: int) -> tuple[Sequence[Search], float]:
    """So many searches by leaves for what one other leaf has; and the mean number of entries of all nodes."""
    supernodes = count_of(nodes)
    keys = nodes / supernodes
    rng = Random(f"supernodes/{seed}")
    found = [_search(supernodes, fill(keys), rng) for _ in range(count)]
    return found, supernodes + (nodes + supernodes * (supernodes - 1)) / nodes


def _search(supernodes: int, filled: float, rng: Random) -> Search:
    home, holder = rng.randrange(supernodes), rng.randrange(supernodes)
    if home == holder:
        return Search(1, 2)
    if filled > MAX_FILL:
        return Search(None, 2)
    seeming = [rng.random() < filled**HASHES for _ in range(supernodes - 2)].count(True) + 1
    place = rng.randrange(seeming)
    asked = min(seeming, ASKED_AT_ONCE * WAVES)
    return Search(2 if place < asked else None, 2 + 2 * asked)
