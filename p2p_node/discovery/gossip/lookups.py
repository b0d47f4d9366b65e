"""This host's own lookups: rounds that reach ever farther, until answers suffice.

The rule: answers suffice when several neighbours brought some, so that no single liar can end a search; the last round
ends it in any case.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random

from p2p_node.discovery.base import Ended, Finding, Found, Key, LookupId
from p2p_node.discovery.gossip.relay import Relay
from p2p_node.discovery.gossip.routes import Routes
from p2p_node.discovery.gossip.settings import Strategy
from p2p_node.discovery.gossip.sightings import Sightings
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.gossip import LOOKUP, Hit, Query

HOP_S = 0.05
"""How long a round waits for each hop that it reaches, there and back. Four rings begin within 0.3 s; where links are
slower, the next one only begins too early."""

LAST_S = 1.0
"""How much longer a lookup that found nobody listens: it costs nothing, and somewhere a link may be congested."""

AGAIN_S = 60.0
"""Who seeks the same again so soon was not helped by what was found: the lookup begins a round farther than the last
one came."""

MAX_ENDED = 256
"""Lookups whose end is remembered for that."""


@dataclass(slots=True)
class Lookup:
    """One lookup under way; `due` is when its present round is over."""

    key: Key
    round: int
    due: float = 0.0
    listening: bool = False
    """Whether the last round is over, too."""
    sightings: Sightings = field(default_factory=Sightings)


class Lookups:
    """Those under way; `tick` is due at `timer`."""

    def __init__(self, views: Views, routes: Routes, relay: Relay, strategy: Strategy, rng: Random) -> None:
        self.findings: list[Finding] = []
        self.timer = math.inf
        self._views = views
        self._routes = routes
        self._relay = relay
        self._strategy = strategy
        self._rng = rng
        self._lookups: dict[LookupId, Lookup] = {}
        self._ended: OrderedDict[Key, tuple[int, float]] = OrderedDict()
        """The last round of lookups that ended, and when that was."""

    def __len__(self) -> int:
        return len(self._lookups)

    def __contains__(self, lookup: LookupId) -> bool:
        return lookup in self._lookups

    def seek(self, key: Key, now: float) -> LookupId:
        """Begin a lookup."""
        name = self._rng.randbytes(LOOKUP)
        came, ended = self._ended.get(key, (-1, now))
        first = min(came + 1, self._last) if now - ended < AGAIN_S else 0
        lookup = self._lookups[name] = Lookup(key, first)
        self._routes.add(name, None, 0, now)
        self._send(name, lookup, now)
        return name

    def abandon(self, lookup: LookupId) -> None:
        """Nothing more is needed of it."""
        self._lookups.pop(lookup, None)

    def hit(self, link: Link, frame: Hit) -> None:
        """A neighbour brings answers to one of them."""
        lookup = self._lookups[frame.lookup]
        news = lookup.sightings.take(link.address, frame.sightings)
        for hops in sorted({sighting.hops for sighting in news}):
            peers = tuple(sighting.peer for sighting in news if sighting.hops == hops)
            self.findings.append(Found(frame.lookup, peers, hops))

    def tick(self, now: float) -> None:
        """End rounds that are over."""
        if now < self.timer:
            return
        for name in [name for name, lookup in self._lookups.items() if now >= lookup.due]:
            self._round_over(name, self._lookups[name], now)
        self.timer = min((lookup.due for lookup in self._lookups.values()), default=math.inf)

    @property
    def _last(self) -> int:
        return len(self._strategy.reaches) - 1

    def _round_over(self, name: LookupId, lookup: Lookup, now: float) -> None:
        if lookup.sightings.voices < self._strategy.voices and lookup.round < self._last:
            lookup.round += 1
            self._send(name, lookup, now)
        elif lookup.sightings.voices or lookup.listening:
            self._end(name, lookup, now)
        else:
            lookup.listening = True
            lookup.due = now + LAST_S

    def _send(self, name: LookupId, lookup: Lookup, now: float) -> None:
        reach, walkers = self._strategy.reaches[lookup.round], self._strategy.walkers
        links = list(self._views.links.values())
        if walkers and links:
            links = self._rng.choices(links, k=walkers)
        route = self._routes.get(name)
        if route is not None:
            route.note(lookup.round)
        self._relay.spread(Query(name, lookup.key, lookup.round, reach, 0, bool(walkers)), links, now)
        lookup.due = now + reach * HOP_S
        self.timer = min(self.timer, lookup.due)

    def _end(self, name: LookupId, lookup: Lookup, now: float) -> None:
        del self._lookups[name]
        self.findings.append(Ended(name, self._strategy.reaches[lookup.round]))
        self._ended.pop(lookup.key, None)
        self._ended[lookup.key] = (lookup.round, now)
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
