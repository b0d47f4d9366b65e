"""The answers to one lookup that came to one node: each peer once, and a bounded number from each neighbour.

The rule: what a neighbour says counts against that neighbour alone, so that one that lies leaves room for the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from p2p_node.discovery.gossip.views import is_usable
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAX_PEERS, MAX_STEPS, SENDER_HOST, Sighting


class Sightings:
    """Collects them."""

    __slots__ = ("_branches", "_known")

    def __init__(self) -> None:
        self._known: set[Address] = set()
        self._branches: Counter[Address] = Counter()

    @property
    def voices(self) -> int:
        """How many neighbours told of somebody."""
        return len(self._branches)

    def take(self, source: Address, told: Iterable[Sighting]) -> list[Sighting]:
        """What is news of what this neighbour told, and can be."""
        news = []
        for sighting in told:
            host, port = sighting.peer
            peer = (source[0] if host == SENDER_HOST else host, port)
            if (
                0 < sighting.hops <= MAX_STEPS
                and self._branches[source] < MAX_PEERS
                and peer not in self._known
                and is_usable(peer)
            ):
                self._known.add(peer)
                self._branches[source] += 1
                news.append(Sighting(peer, sighting.hops))
        return news
