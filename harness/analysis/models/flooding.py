"""Searches that ask neighbours in a random graph: floods in expanding rings, as our gossip nodes do, or random walks.

A ring reaches everybody within so many hops. Who is asked for the first time asks all its other neighbours while hops
are left; a hit goes back the way the query came, and who is told of is asked itself, two messages. One holder alone
does not end a search (decision 0053), so every ring is played.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.analysis.models.mesh import mesh
from harness.analysis.models.pieces import Indices
from harness.analysis.models.searches import Search

NEIGHBOURS = 6
PASSIVE = 30
"""Neighbours of a node at most, and further addresses that it keeps (decision 0053)."""

RINGS = (1, 2, 3, 4)
WALKERS, STEPS = 16, (4, 16, 48)
"""Hops of one ring after the other; walkers, and the steps of one walk after the other
(`p2p_node/discovery/gossip/settings.py`)."""

Graph = npt.NDArray[np.intp]
"""A row of neighbours for each node; itself where it has fewer."""


def graph(nodes: int, seed: int) -> Graph:
    """A random graph in which everybody has NEIGHBOURS, or all others if they are fewer."""
    return np.stack(mesh(np.arange(nodes), nodes, NEIGHBOURS, np.random.default_rng(seed)), axis=1)


def floods(nodes: int, count: int, seed: int) -> tuple[Sequence[Search], float]:
    """So many searches by random nodes for what one random other has; and the addresses a node keeps."""
    around, seen = graph(nodes, seed), np.zeros(nodes, np.bool_)
    found = [flood(around, seeker, holder, seen) for seeker, holder in _pairs(nodes, count, seed)]
    return found, _entries(nodes)


def walks(nodes: int, count: int, seed: int) -> tuple[Sequence[Search], float]:
    """The same by random walks."""
    around, rng = graph(nodes, seed), np.random.default_rng(seed + 1)
    return [walk(around, seeker, holder, rng) for seeker, holder in _pairs(nodes, count, seed)], _entries(nodes)


def flood(around: Graph, seeker: int, holder: int, seen: npt.NDArray[np.bool_]) -> Search:
    """One search in rings; `seen` is scratch, all false before and after."""
    away, sizes = None, []
    frontier: Indices = np.array([seeker])
    touched = [frontier]
    seen[seeker] = True
    for hop in range(1, RINGS[-1] + 1):
        asked = around[frontier]
        # Nobody asks itself, nor whom it was asked by.
        sizes.append(int((asked != frontier[:, None]).sum()) - (len(frontier) if hop > 1 else 0))
        frontier = np.unique(asked[~seen[asked]])
        seen[frontier] = True
        touched.append(frontier)
        if away is None and seen[holder]:
            away = hop
    seen[np.concatenate(touched)] = False
    queries = sum(sum(sizes[:ring]) for ring in RINGS)
    told = 0 if away is None else 2 + away * sum(ring >= away for ring in RINGS)
    return Search(away, queries + told)


def walk(around: Graph, seeker: int, holder: int, rng: np.random.Generator) -> Search:
    """One search by walkers that go from neighbour to random neighbour; ever longer walks while none finds."""
    messages = 0
    for steps in STEPS:
        at = np.full(WALKERS, seeker)
        for step in range(1, steps + 1):
            at = around[at, rng.integers(around.shape[1], size=WALKERS)]
            messages += WALKERS
            if (at == holder).any():
                return Search(step, messages + WALKERS * (steps - step) + step + 2)
    return Search(None, messages)


def _pairs(nodes: int, count: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed + 2)
    seekers, others = rng.integers(nodes, size=count), rng.integers(nodes - 1, size=count)
    return [(int(seeker), int(other + (other >= seeker))) for seeker, other in zip(seekers, others, strict=True)]


def _entries(nodes: int) -> float:
    return float(min(nodes - 1, NEIGHBOURS + PASSIVE))
