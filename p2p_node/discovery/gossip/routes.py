"""Which lookups came by, and the way back to who seeks: where a query came from first, hits are sent.

The rule: a lookup's way back never changes, so that nobody who repeats its queries can draw its hits to himself. It
leads to who knew of the lookup before, and so in no circle.
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

    via: Address | None
    hops: int
    expires: float
    rings: int = 0
    """The rounds whose query came by, a bit each."""
    sightings: Sightings | None = None
    """What others told; made when the first does, for most lookups pass without."""
    waiting: Sequence[Sighting] = ()
    """What is to be told on the way back."""
    held_until: float = float("-inf")
    """When it may be."""

    def has(self, ring: int) -> bool:
        """Whether the query of this round came by."""
        return bool(self.rings >> ring & 1)

    def note(self, ring: int) -> None:
        """The query of this round came by."""
        self.rings |= 1 << ring


class Routes:
    """The lookups that came by, the oldest first."""

    def __init__(self) -> None:
        self._routes: OrderedDict[LookupId, Route] = OrderedDict()

    def __len__(self) -> int:
        return len(self._routes)

    def get(self, lookup: LookupId) -> Route | None:
        """The route of this lookup, if it is remembered."""
        return self._routes.get(lookup)

    def add(self, lookup: LookupId, via: Address | None, hops: int, now: float) -> Route:
        """Remember a new lookup."""
        while self._routes and (len(self._routes) >= MAX_ROUTES or next(iter(self._routes.values())).expires <= now):
            self._routes.popitem(last=False)
        route = self._routes[lookup] = Route(via, hops, now + ROUTE_S)
        return route
