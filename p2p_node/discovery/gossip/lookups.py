"""This host's own lookups: rounds that reach ever farther, until answers suffice.

The rule: hits are hearsay. Found is who was sighted and then says itself that it has the item, from the address that it
was sighted at. Answers suffice when several neighbours led to such holders, so that nobody ends a search alone; the
last round ends it in any case.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from p2p_node.discovery.base import Ended, Finding, Found, Key, LookupId
from p2p_node.discovery.gossip.candidates import ASK_S, Candidate, Candidates
from p2p_node.discovery.gossip.cookies import Cookies
from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.relay import Relay
from p2p_node.discovery.gossip.rounds import chain
from p2p_node.discovery.gossip.routes import Route, Routes
from p2p_node.discovery.gossip.settings import Strategy
from p2p_node.discovery.gossip.sightings import Sightings
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import LOOKUP, Ask, Have, Hit, Query, encode

HOP_S = 0.05
"""How long a round waits for each hop that it reaches, there and back. Four rings begin within 0.3 s; where links are
slower, the next one only begins too early."""

LAST_S = 1.0
"""How much longer than its last round a lookup listens that found nobody, or awaits answers of nodes it was told of:
somewhere a link may be congested. Twice as long as it takes to ask all that one neighbour can tell of."""

AGAIN_S = 60.0
"""Who seeks the same again so soon was not helped by what was found: the lookup begins a round farther than the last
one came."""

MAX_ENDED = 256
"""Lookups whose end is remembered for that."""


@dataclass(slots=True)
class Lookup:
    """One lookup under way; `due` is when its present round is over."""

    key: Key
    proofs: Sequence[bytes]
    route: Route
    candidates: Candidates
    round: int
    due: float = 0.0
    waited: bool = False
    """Whether this round was drawn out for answers that were awaited."""
    closes: float = math.inf
    """When it is over in any case; known when the last round is over."""
    sightings: Sightings = field(default_factory=Sightings)
    voices: set[Address] = field(default_factory=set)
    """The neighbours that told of holders first."""
    peers: set[Address] = field(default_factory=set)


class Lookups:
    """Those under way; `tick` is due at `timer`."""

    def __init__(
        self, views: Views, routes: Routes, relay: Relay, outbox: Outbox, strategy: Strategy, rng: Random
    ) -> None:
        self.findings: list[Finding] = []
        self.refused = 0
        self.timer = math.inf
        self._views = views
        self._routes = routes
        self._relay = relay
        self._outbox = outbox
        self._strategy = strategy
        self._rng = rng
        self._cookies = Cookies(rng)
        self._lookups: dict[LookupId, Lookup] = {}
        self._ended: OrderedDict[Key, tuple[int, float]] = OrderedDict()
        """The last round of lookups that ended, and when that was."""

    def __len__(self) -> int:
        return len(self._lookups)

    def __contains__(self, lookup: LookupId) -> bool:
        return lookup in self._lookups

    def seek(self, key: Key, now: float) -> LookupId:
        """Begin a lookup."""
        name, proofs = chain(self._rng.randbytes(LOOKUP))
        came, ended = self._ended.get(key, (-1, now))
        first = min(came + 1, self._last) if now - ended < AGAIN_S else 0
        lookup = Lookup(key, proofs, self._routes.add(name, now), Candidates(self._rng), first)
        self._lookups[name] = lookup
        self._send(name, lookup, now)
        return name

    def abandon(self, lookup: LookupId) -> None:
        """Nothing more is needed of it."""
        self._lookups.pop(lookup, None)

    def hit(self, link: Link, frame: Hit, now: float) -> None:
        """A neighbour brings answers to one of them."""
        lookup = self._lookups[frame.lookup]
        for sighting in lookup.sightings.take(link.address, frame.sightings, lookup.route.room):
            if sighting.node is not None and not self._views.is_own(sighting.node):
                lookup.candidates.add(Candidate(sighting.node, sighting.hops, link.address))
        self._ask(frame.lookup, lookup, now)

    def confirmed(self, source: Address, frame: Have, now: float) -> None:
        """Somebody says that it has what it was asked for."""
        if not self._cookies.known(frame.cookie, source, now):
            self.refused += 1
            return
        lookup = self._lookups.get(frame.lookup)
        candidate = lookup.candidates.confirm(source) if lookup is not None else None
        if lookup is None or candidate is None:
            return  # it was asked twice, or this took too long
        lookup.voices.add(candidate.voice)
        peer = (source[0], frame.port)
        if peer not in lookup.peers:
            lookup.peers.add(peer)
            self.findings.append(Found(frame.lookup, (peer,), candidate.hops))
        self._ask(frame.lookup, lookup, now)

    def tick(self, now: float) -> None:
        """Ask whom there is to ask, and end rounds that are over."""
        if now < self.timer:
            return
        for name, lookup in list(self._lookups.items()):
            self._ask(name, lookup, now)
            if now >= lookup.due:
                self._round_over(name, lookup, now)
        self.timer = min(
            (min(lookup.due, lookup.candidates.due) for lookup in self._lookups.values()), default=math.inf
        )

    @property
    def _last(self) -> int:
        return len(self._strategy.reaches) - 1

    def _round_over(self, name: LookupId, lookup: Lookup, now: float) -> None:
        awaits = lookup.candidates.due < math.inf
        if len(lookup.voices) >= self._strategy.voices:
            self._end(name, lookup, now)
        elif awaits and not lookup.waited:
            lookup.waited = True
            lookup.due = now + ASK_S
        elif lookup.round < self._last:
            lookup.round += 1
            self._send(name, lookup, now)
        else:
            lookup.closes = min(lookup.closes, now + LAST_S)
            lookup.due = min(lookup.closes, now + ASK_S)
            if now >= lookup.closes or (lookup.peers and not awaits):
                self._end(name, lookup, now)

    def _ask(self, name: LookupId, lookup: Lookup, now: float) -> None:
        for node in lookup.candidates.to_ask(now):
            ask = Ask(name, lookup.key, self._cookies.make(node, now))
            self._outbox.send_for(name, node, encode(ask))
        self.timer = min(self.timer, lookup.candidates.due)

    def _send(self, name: LookupId, lookup: Lookup, now: float) -> None:
        reach, walkers = self._strategy.reaches[lookup.round], self._strategy.walkers
        links = list(self._views.links.values())
        if walkers and links:
            links = self._rng.choices(links, k=walkers)
        lookup.route.begin(lookup.round, None, 0)
        query = Query(name, lookup.key, lookup.proofs[lookup.round], lookup.round, reach, 0, bool(walkers))
        self._relay.spread(query, links, lookup.route, now)
        lookup.due = now + reach * HOP_S
        lookup.waited = False
        self.timer = min(self.timer, lookup.due)

    def _end(self, name: LookupId, lookup: Lookup, now: float) -> None:
        del self._lookups[name]
        self.findings.append(Ended(name, self._strategy.reaches[lookup.round]))
        self._ended.pop(lookup.key, None)
        self._ended[lookup.key] = (lookup.round, now)
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
