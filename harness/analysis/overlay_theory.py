"""What theory says of finding things in a network of n nodes; beside what is measured, not a bound on it.

Sources:

- P. Maymounkov, D. Mazières, "Kademlia: A Peer-to-Peer Information System Based on the XOR Metric", IPTPS 2002.
- M. Ripeanu, "Peer-to-Peer Architecture Case Study: Gnutella Network", P2P 2001: how far a flood reaches.
- P. Eugster, R. Guerraoui, A.-M. Kermarrec, L. Massoulié, "Epidemic Information Dissemination in Distributed Systems",
  IEEE Computer 37(5), 2004: what share an epidemic infects.
"""

from __future__ import annotations

import math


def kademlia_hops(nodes: int) -> float:
    """log₂ n: each hop of a lookup at least halves the distance to the key, so it takes no more of them."""
    return math.log2(nodes)


def flood_reach(neighbours: float, ttl: int, nodes: int) -> float:
    """Nodes that a flood over `ttl` hops reaches at most, besides its origin: Σ d(d−1)^(t−1), d neighbours each.

    Were no two paths to meet; so it is capped by those there are.
    """
    reached = sum(neighbours * (neighbours - 1) ** (hop - 1) for hop in range(1, ttl + 1))
    return min(reached, float(nodes - 1))


def flood_success(replicas: int, reach: float, nodes: int) -> float:
    """How likely a flood that reaches so many of the other nodes finds one of the replicas, strewn at random."""
    return 1 - max(0.0, 1 - reach / (nodes - 1)) ** replicas


SETTLED = 1e-12
"""Of a share: nearer to the solution nobody looks."""


def epidemic_coverage(fanout: float) -> float:
    """The share π of a large network that hears, when who hears tells `fanout` others at random: π = 1 − e^(−fπ).

    0 up to a fanout of one, where the epidemic dies out.
    """
    if fanout <= 1:
        return 0.0
    share, last = 1.0, 0.0
    while abs(share - last) > SETTLED:
        share, last = 1 - math.exp(-fanout * share), share
    return share
