"""Which lookups came by, and the way back to who seeks: where the newest round came from first, hits are sent.

The rule: the way back is that of the newest round, which who seeks alone can begin. So nobody who repeats its queries
can draw its hits to himself, and who was on the way of one round need not be on that of the next. It leads to who knew
of the round before, and so in no circle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from p2p_node.discovery.base import LookupId
from p2p_node.discovery.gossip.sightings import Sightings
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import Sighting

ROUTE_S = 10.0
"""How long a lookup is remembered; the longest takes a few seconds."""

MAX_ROUTES = 1024
"""Lookups remembered: ten seconds of what the default budget lets pass. Beyond, the oldest are forgotten."""


@dataclass(slots=True)
class Route:
    """One lookup, as seen here; `via` is None where it is one's own."""

    expires: float
    via: Address | None = None
    hops: int = 0
    ring: int = -1
    """The newest round whose query came by."""
    ttl: int = 0
    """How many hops that went on from here; more where it came on a shorter way later."""
    room: int = 0
    """Nodes that each neighbour may tell of: as many as the query can have come to through it."""
    sightings: Sightings | None = None
    """What others told; made when the first does, for most lookups pass without."""
    waiting: Sequence[Sighting] = ()
    """What is to be told on the way back."""
    held_until: float = float("-inf")
    """When it may be."""

    def begin(self, ring: int, via: Address | None, hops: int) -> None:
        """The query of a newer round came by. What was told another way may have been told in vain, and is told again
        when it is heard again."""
        if via != self.via:
            self.via, self.sightings = via, None
        self.ring, self.ttl, self.hops = ring, 0, hops


class Routes:
    """The lookups that came by, the oldest first."""

    def __init__(self) -> None:
        self._routes: OrderedDict[LookupId, Route] = OrderedDict()

    def __len__(self) -> int:
        return len(self._routes)

    def get(self, lookup: LookupId) -> Route | None:
        """The route of this lookup, if it is remembered."""
        return self._routes.get(lookup)

    def add(self, lookup: LookupId, now: float) -> Route:
        """Remember a new lookup."""
        while self._routes and (len(self._routes) >= MAX_ROUTES or next(iter(self._routes.values())).expires <= now):
            self._routes.popitem(last=False)
        route = self._routes[lookup] = Route(now + ROUTE_S)
        return route
