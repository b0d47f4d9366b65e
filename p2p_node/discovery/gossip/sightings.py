"""The answers to one lookup that came to one node: each holder once, and from each neighbour as many as there can be.

The rule: a neighbour tells of no more nodes than can be behind it, as far as the query went. So whoever lies has room
for its own lies and takes none of the truths: a node nearer to who seeks has room for all that those behind it say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from p2p_node.discovery.gossip.views import is_usable
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAX_STEPS, Sighting

MAX_ROOM = 160
"""Sightings of one lookup that a neighbour may tell at most: with 6 neighbours each, those within 4 hops are 156."""


def room_behind(ttl: int, neighbours: int) -> int:
    """How many nodes a query reaches through a neighbour, itself among them, that goes `ttl` hops from here."""
    room, farthest = 0, 1
    for _ in range(ttl):
        room, farthest = min(room + farthest, MAX_ROOM), farthest * (neighbours - 1)
    return room


class Sightings:
    """Collects them."""

    __slots__ = ("_known", "_told")

    def __init__(self) -> None:
        self._known: set[Address] = set()
        self._told: Counter[Address] = Counter()

    def take(self, source: Address, sightings: Iterable[Sighting], room: int) -> list[Sighting]:
        """What is news of what this neighbour told, and can be; it may tell of `room` nodes in all."""
        news = []
        for sighting in sightings:
            node = sighting.node or source
            if (
                0 < sighting.hops <= MAX_STEPS
                and self._told[source] < room
                and node not in self._known
                and is_usable(node)
            ):
                self._known.add(node)
                self._told[source] += 1
                news.append(Sighting(node, sighting.hops))
        return news
