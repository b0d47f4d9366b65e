"""What can be chosen about a node of the gossip overlay; the rest are constants where they matter."""

from __future__ import annotations

import msgspec


class Strategy(msgspec.Struct, frozen=True):
    """How a lookup proceeds: in rounds, each with its `reaches` in hops, until one has found enough.

    With `walkers`, a round sends that many random walks instead of flooding (Lv et al. 2002).
    """

    reaches: tuple[int, ...]
    walkers: int = 0
    voices: int = 2
    """Neighbours whose answers are enough: with one, a single liar next door would end every search. The second costs
    as many messages again where an item is common, and none where it is rare."""


FLOODING = Strategy(reaches=(1, 2, 3, 4))
"""The expanding ring (Lv et al. 2002). With some 6 neighbours each, 4 hops reach half of a thousand nodes: all but one
in a thousand searches find what 1 % of them have. The smaller rings before cost a fifth more where they find nothing,
and save nearly all where they do."""

WALKING = Strategy(reaches=(4, 16, 48), walkers=16)
"""Lv et al. find 16 to 64 walkers good; 16 · 48 steps see as many nodes as the flooding does."""


class GossipSettings(msgspec.Struct, frozen=True):
    """Sizes, and how much is done for others."""

    neighbours: int = 6
    """Places in the active view; HyParView's authors have 5 for 10,000 nodes, enough to stay connected. Two more halve
    the hops that a search needs."""

    wanted: int = 5
    """A node looks for neighbours until it has so many. The place beyond is for who comes."""

    passive: int = 30
    """Places in the passive view (HyParView, section 5)."""

    strategy: Strategy = FLOODING

    relay_rate: float = 100.0
    """Messages a second that a node spends on others' queries, taken in or passed on: with headers some 50 kbit/s, the
    twentieth part of a thin uplink. What goes beyond is dropped, or flooding would seem free."""

    relay_burst: float = 400.0
    """Messages that it may spend at once: a crowd that comes all together begins with as many searches."""
