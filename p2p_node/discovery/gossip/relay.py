"""What a node does for others' lookups: it passes queries on to its neighbours, answers them, takes hits back, and
confirms to who asks what it has.

The rule: a query is passed on once a round – again only if it goes farther now –, to MAX_REACH at most, and only within
two budgets, that of the neighbour it came from and that of the node. Beyond them it is answered at most, then dropped
and counted.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from random import Random

import msgspec

from p2p_node.discovery.base import Key, LookupId
from p2p_node.discovery.gossip.budget import Budget
from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.pulse import Pulse
from p2p_node.discovery.gossip.rounds import is_proof
from p2p_node.discovery.gossip.routes import Route, Routes
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.discovery.gossip.sightings import Sightings, room_behind
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.discovery.limits import QueryLimit
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import (
    MAX_REACH,
    MAX_RINGS,
    MAX_SIGHTINGS,
    MAX_STEPS,
    Ask,
    Have,
    Hit,
    Query,
    Sighting,
    encode,
)

HOLD_S = 0.02
"""After a hit, the next ones of the same lookup wait so long for company: many answers become one message."""


class Relay:
    """Handles queries and hits of others; `tick` is due at `timer`. `items` are what this host has, each on a port."""

    def __init__(
        self,
        views: Views,
        routes: Routes,
        pulse: Pulse,
        outbox: Outbox,
        settings: GossipSettings,
        rng: Random,
        now: float,
    ) -> None:
        self.items: dict[Key, int] = {}
        self.refused = 0
        self.dropped = 0
        self._views = views
        self._routes = routes
        self._pulse = pulse
        self._outbox = outbox
        self._rng = rng
        self._neighbours = settings.neighbours
        self._budget = Budget(settings.relay_rate, settings.relay_burst, now)
        self._asks = QueryLimit(rng.getrandbits(32), now)
        self._held: list[tuple[float, LookupId]] = []
        """Lookups with sightings that wait to be told, a heap."""

    @property
    def timer(self) -> float:
        """When `tick` is due."""
        return self._held[0][0] if self._held else math.inf

    def tick(self, now: float) -> None:
        """Tell what has waited long enough."""
        while self._held and self._held[0][0] <= now:
            _, lookup = heapq.heappop(self._held)
            route = self._routes.get(lookup)
            if route is not None:
                self._tell(lookup, route, now)

    def query(self, link: Link, frame: Query, now: float) -> None:
        """A neighbour passes on a query."""
        ttl = min(frame.ttl, (MAX_STEPS if frame.walk else MAX_REACH) - frame.hops) - 1
        if ttl < 0 or frame.ring >= MAX_RINGS:
            self.refused += 1
            return
        route = self._routes.get(frame.lookup)
        newer = route is None or frame.ring > route.ring
        answers = newer and frame.key in self.items
        onward = self._onward(link, frame, ttl, route) if not (answers and frame.walk) else []
        if not (answers or onward):
            return  # as it should: it came on another path, too, or ends here
        if newer and not is_proof(frame.proof, frame.ring, frame.lookup):
            self.refused += 1
            return
        if answers and self._affords(1, link, now):
            route = self._route(link, frame, now)
            self._queue(frame.lookup, route, [Sighting(None, route.hops)], now)
        if onward and self._affords(len(onward), link, now):
            route = self._route(link, frame, now)
            self.spread(msgspec.structs.replace(frame, ttl=ttl, hops=frame.hops + 1), onward, route, now)

    def hit(self, link: Link, frame: Hit, now: float) -> None:
        """A neighbour brings answers to a lookup of somebody else."""
        route = self._routes.get(frame.lookup)
        if route is None or link.address == route.via:
            self.refused += 1
        elif route.via is not None:
            route.sightings = route.sightings or Sightings()
            news = route.sightings.take(link.address, frame.sightings, route.room)
            self._queue(frame.lookup, route, news, now)

    def asked(self, source: Address, frame: Ask, now: float) -> None:
        """Somebody was told that this host has an item. The answer is shorter than the question, so that nobody gains
        who asks in somebody else's name."""
        if not self._asks.allows(source[0], now):
            self.dropped += 1
        elif frame.key in self.items:
            have = Have(frame.lookup, frame.cookie, self.items[frame.key])
            self._outbox.send_for(frame.lookup, source, encode(have))

    def spread(self, query: Query, links: Sequence[Link], route: Route, now: float) -> None:
        """Send a query to these neighbours, and have room for what may come back: of a walk, one answer."""
        if query.walk:
            route.room += 1
        else:
            route.ttl = max(route.ttl, query.ttl)
            route.room = max(route.room, room_behind(query.ttl, self._neighbours))
        data = encode(query)
        for link in links:
            self._outbox.send_for(query.lookup, link.address, data)
            self._pulse.said(link, now)

    def _onward(self, link: Link, frame: Query, ttl: int, route: Route | None) -> list[Link]:
        """To whom it goes on: a walk to anybody, a flooding to all, unless it went as far before."""
        if not ttl or (route is not None and route.via is None):
            return []
        if frame.walk:
            return [self._views.any_neighbour(but=link.address) or link]
        if route is not None and frame.ring <= route.ring and ttl <= route.ttl:
            return []
        return [other for other in self._views.links.values() if other is not link]

    def _route(self, link: Link, frame: Query, now: float) -> Route:
        route = self._routes.get(frame.lookup) or self._routes.add(frame.lookup, now)
        if frame.ring > route.ring:
            route.begin(frame.ring, link.address, frame.hops + 1)
        return route

    def _affords(self, messages: int, link: Link, now: float) -> bool:
        if not (link.queries.has(messages, now) and self._budget.has(messages, now)):
            self.dropped += 1
            return False
        link.queries.spend(messages)
        self._budget.spend(messages)
        return True

    def _queue(self, lookup: LookupId, route: Route, news: Sequence[Sighting], now: float) -> None:
        if not news:
            return
        if not route.waiting and now < route.held_until:
            heapq.heappush(self._held, (route.held_until, lookup))
        route.waiting = [*route.waiting, *news]
        if now >= route.held_until:
            self._tell(lookup, route, now)

    def _tell(self, lookup: LookupId, route: Route, now: float) -> None:
        link = None if route.via is None else self._views.links.get(route.via)
        if link is None:
            self.dropped += 1
        else:
            for at in range(0, len(route.waiting), MAX_SIGHTINGS):
                hit = Hit(lookup, tuple(route.waiting[at : at + MAX_SIGHTINGS]))
                self._outbox.send_for(lookup, link.address, encode(hit))
            self._pulse.said(link, now)
        route.waiting = ()
        route.held_until = now + HOLD_S
