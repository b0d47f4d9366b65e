"""Who is whose neighbour: HyParView (Leitão, Pereira, Rodrigues 2007), over datagrams.

A node asks a contact to be let in, which makes it a neighbour and sends word of it on random walks; whoever they end at
asks the newcomer to be its neighbour, too. A lost neighbour is replaced from the passive view. The rule: only who
showed by a cookie that it receives at its address takes a place, and nobody, however urgent, the places of the oldest
half.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

from p2p_node.discovery.gossip.budget import Budget
from p2p_node.discovery.gossip.cookies import Cookies
from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.pulse import Pulse
from p2p_node.discovery.gossip.requests import Requests
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAX_NODES, Answer, Cookie, Disconnect, ForwardJoin, Join, Neighbor

JOIN_WALK = 6
"""Hops that word of a newcomer goes (HyParView's ARWL)."""

PASSIVE_WALK = 3
"""Where, with so many hops left, it is noted in the passive view (HyParView's PRWL)."""

MAX_CONTACTS = 16
"""Nodes to enter through that are remembered, the latest."""

PARALLEL = 3
"""Requests under way at once when neighbours are wanted."""

EVICTIONS_PER_S = 4.0
MAX_EVICTIONS = 16.0
"""Neighbours that stand back for others in need, a second and at once; beyond, these are sent on to other nodes."""

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
MAX_LONELY_WAIT_S = 4.0
"""When nobody known has a place, or none is known, the waits until all are asked again double in between; they stay
short for who has no neighbour at all."""


class Membership:
    """Keeps the views; `tick` is due at `timer`."""

    def __init__(
        self, views: Views, settings: GossipSettings, pulse: Pulse, outbox: Outbox, rng: Random, now: float
    ) -> None:
        self.refused = 0
        self.dropped = 0
        self._views = views
        self._wanted = settings.wanted
        self._pulse = pulse
        self._outbox = outbox
        self._rng = rng
        self._contacts: dict[Address, None] = {}
        self._requests = Requests(outbox)
        self._cookies = Cookies(rng)
        self._evictions = Budget(EVICTIONS_PER_S, MAX_EVICTIONS, now)
        self._asked: set[Address] = set()
        """Who of the passive view was asked since neighbours were last found wanting."""
        self._look_at = math.inf
        self._wait_s = FIRST_WAIT_S

    @property
    def timer(self) -> float:
        """When `tick` is due."""
        return min(self._requests.timer, self._look_at)

    @property
    def joined(self) -> bool:
        """Whether there is somebody to talk to, or nobody to be asked."""
        return bool(self._views.links) or not self._contacts

    @property
    def entries(self) -> int:
        """What is remembered besides the views."""
        return len(self._contacts) + len(self._requests) + len(self._asked)

    def awaits(self, address: Address) -> bool:
        """Whether this one was asked to be a neighbour, and may think that it is."""
        return address in self._requests

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter through these."""
        for contact in contacts:
            if not self._views.is_own(contact):
                self._contacts.pop(contact, None)
                self._contacts[contact] = None
        while len(self._contacts) > MAX_CONTACTS:
            del self._contacts[next(iter(self._contacts))]
        self._look(now)

    def leave(self) -> None:
        """Say goodbye."""
        for address in list(self._views.links):
            self._outbox.send(address, Disconnect(leaving=True))
            self._views.disconnect(address, remember=False)
        self._requests.clear()
        self._contacts.clear()
        self._look_at = math.inf

    def tick(self, now: float) -> None:
        """Repeat requests, and look for neighbours if some are wanted."""
        given_up = self._requests.tick(now)
        for request in given_up:
            self._views.forget(request.to)
        if now >= self._look_at:
            self._wait_s = min(2 * self._wait_s, MAX_WAIT_S if self._views.links else MAX_LONELY_WAIT_S)
            self._look_anew(now)
        elif given_up:
            self._look(now)

    def lost(self, link: Link, now: float) -> None:
        """A neighbour is dead."""
        self._views.disconnect(link.address, remember=False)
        self._wait_s = FIRST_WAIT_S
        self._look_anew(now)

    # What others say

    def requested(self, source: Address, frame: Join | Neighbor, now: float) -> None:
        """Somebody wants to be a neighbour."""
        if not self._cookies.known(frame.cookie, source, now):
            self._outbox.send(source, Cookie(self._cookies.make(source, now)))
        elif source in self._views.links:
            self._answer(source, True, frame.cookie)  # the first answer was lost
        elif self._makes_room(isinstance(frame, Join) or frame.urgent, now):
            self._connect(source, now)
            self._answer(source, True, frame.cookie)
            if isinstance(frame, Join):
                self._announce(source, now)
        else:
            self._answer(source, False, frame.cookie)

    def cookie_demanded(self, source: Address, frame: Cookie, now: float) -> None:
        """Who was asked wants proof; or it is this node itself, under an address that it did not know."""
        if self._cookies.known(frame.cookie, source, now):
            self._requests.drop(source)
            self._contacts.pop(source, None)
            self._views.add_own(source)
            self._look(now)
        elif not self._requests.ask_again(source, frame.cookie, now):
            self.refused += 1

    def answered(self, source: Address, frame: Answer, now: float) -> None:
        """Who was asked says yes or no."""
        wanted = self._requests.answered(source, frame.cookie)
        if wanted:
            self._views.learn(frame.nodes)
        else:
            self.refused += 1
        if frame.accepted and source not in self._views.links:
            if wanted and not self._views.full:
                self._connect(source, now)
            else:
                self._outbox.send(source, Disconnect())  # it is too late, and the other is to know
        if wanted:
            self._look(now)

    def forwarded(self, link: Link, frame: ForwardJoin, now: float) -> None:
        """Word of a newcomer came by."""
        if not link.walks.take(1, now):
            self.dropped += 1
            return
        ttl = min(frame.ttl, JOIN_WALK)
        joiner, onward = frame.joiner, self._views.any_neighbour(but=link.address)
        if ttl and onward is not None:
            if ttl == PASSIVE_WALK:
                self._views.learn((joiner,))
            self._outbox.send(onward.address, ForwardJoin(joiner, ttl - 1))
            self._pulse.said(onward, now)
            return
        self._views.learn((joiner,))
        if joiner in self._views.passive and joiner not in self._requests and not self._views.full:
            self._asked.add(joiner)
            self._requests.ask(joiner, joins=False, urgent=False, now=now)

    def disconnected(self, source: Address, frame: Disconnect, now: float) -> None:
        """A neighbour is none any more."""
        if source in self._views.links:
            self._views.disconnect(source, remember=not frame.leaving)
            self._wait_s = FIRST_WAIT_S
            self._look_anew(now, but=source)
        elif frame.leaving:
            self._views.forget(source)
        elif source in self._requests:
            self._requests.drop(source)  # it said yes and thought better of it, but this overtook that
            self._look(now)

    # What follows from it

    @property
    def _is_short(self) -> bool:
        return len(self._views.links) + len(self._requests) < self._wanted

    def _connect(self, address: Address, now: float) -> None:
        self._requests.drop(address)
        self._pulse.began(self._views.connect(address, now))
        self._wait_s = FIRST_WAIT_S

    def _answer(self, to: Address, accepted: bool, cookie: bytes) -> None:
        nodes = self._views.sample(MAX_NODES // 2, MAX_NODES // 2, but=to)
        self._outbox.send(to, Answer(accepted, cookie, nodes))

    def _makes_room(self, urgent: bool, now: float) -> bool:
        if not self._views.full:
            return True
        if not urgent or not self._evictions.take(1, now):
            return False
        address = self._views.newcomer().address
        self._outbox.send(address, Disconnect())
        self._views.disconnect(address, remember=True)
        return True

    def _announce(self, joiner: Address, now: float) -> None:
        for link in self._views.links.values():
            if link.address != joiner:
                self._outbox.send(link.address, ForwardJoin(joiner, JOIN_WALK))
                self._pulse.said(link, now)

    def _look_anew(self, now: float, but: Address | None = None) -> None:
        self._look_at = math.inf
        self._asked = set() if but is None else {but}
        self._look(now)

    def _look(self, now: float) -> None:
        """Ask who is known, as many as there are neighbours wanted; wait a while when everybody was asked."""
        self._asked &= {*self._views.passive, *self._contacts}
        while self._is_short and len(self._requests) < PARALLEL and self._ask_another(now):
            pass
        if not self._is_short:
            self._look_at = math.inf
        elif not self._requests and self._look_at == math.inf:
            # At random: those that were turned away together are not to come back together.
            self._look_at = now + self._wait_s * self._rng.uniform(0.5, 1.5)

    def _ask_another(self, now: float) -> bool:
        """Ask somebody who was not; without neighbours and anybody else, a contact."""
        address = self._views.candidate(but=self._asked)
        joins = address is None
        if joins and not self._views.links and not self._requests:
            contacts = [contact for contact in self._contacts if contact not in self._asked]
            address = self._rng.choice(contacts) if contacts else None
        if address is None:
            return False
        self._asked.add(address)
        self._requests.ask(address, joins, urgent=not self._views.links, now=now)
        return True
