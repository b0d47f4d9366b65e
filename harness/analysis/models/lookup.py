"""What a search comes to in a network of up to a million nodes: how often it succeeds, how far it goes, what it costs.

The overlays are built as our nodes build them, but only as far as a search looks: ids, tables and neighbours follow
from lots. Nobody leaves, and nothing is lost: it is the network at its best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.models import flooding, kademlia, supernodes
from harness.analysis.models.searches import Search


@dataclass(frozen=True, slots=True)
class LookupFigures:
    """Means over searches for items that one node has; `entries` is what one node remembers of others."""

    contender: str
    nodes: int
    searches: int
    success: float
    hops: float | None
    """To the node that told, of searches that succeeded; None if none did."""
    messages: float
    entries: float


Family = Callable[[int, int, int], tuple[Sequence[Search], float]]

FAMILIES: Mapping[str, Family] = {
    "swarm-dht": kademlia.searches,
    "swarm-gossip": flooding.floods,
    "gossip-walk": flooding.walks,
    "swarm-supernode": supernodes.searches,
}
"""By contender, or by family where none is of it: so many searches among so many nodes, and what a node remembers."""


def figures(contender: str, nodes: int, count: int, seed: int) -> LookupFigures:
    """Play `count` searches in a network of at least two nodes; the same seed gives the same figures."""
    found, entries = FAMILIES[contender](nodes, count, seed)
    hops = [search.hops for search in found if search.hops is not None]
    return LookupFigures(
        contender=contender,
        nodes=nodes,
        searches=count,
        success=len(hops) / count,
        hops=float(np.mean(hops)) if hops else None,
        messages=float(np.mean([search.messages for search in found])),
        entries=entries,
    )
