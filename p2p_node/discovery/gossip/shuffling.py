"""Keeping passive views fresh: now and then a node swaps some of the addresses it knows with somebody a short walk away
(HyParView, section 4.5).

The rule: one message brings few addresses, and a reply is heard once, from whoever has the nonce.
"""

from __future__ import annotations

from random import Random

from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.pulse import Pulse
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import NONCE, Shuffle, ShuffleReply

WALK = 3
"""Hops that a shuffle goes."""

FROM_ACTIVE = 3
FROM_PASSIVE = 4
"""Addresses of each view that a shuffle tells (HyParView, section 5), besides its origin's."""

FIRST_PERIOD_S = 2.0
MAX_PERIOD_S = 120.0
"""Time between shuffles. It doubles: who has just come knows few, and who has been here for long is known to many."""


class Shuffling:
    """Swaps addresses with others; `tick` is due at `timer`."""

    def __init__(self, views: Views, pulse: Pulse, outbox: Outbox, rng: Random, now: float) -> None:
        self.refused = 0
        self.dropped = 0
        self._views = views
        self._pulse = pulse
        self._outbox = outbox
        self._rng = rng
        self._period_s = FIRST_PERIOD_S
        self.timer = now + FIRST_PERIOD_S * rng.random()
        self._nonce: bytes | None = None
        self._told: tuple[Address, ...] = ()

    def tick(self, now: float) -> None:
        """Swap addresses if that is due."""
        if now < self.timer:
            return
        self.timer = now + self._period_s * self._rng.uniform(0.5, 1.5)
        self._period_s = min(2 * self._period_s, MAX_PERIOD_S)
        link = self._views.any_neighbour()
        if link is None:
            return
        self._nonce = self._rng.randbytes(NONCE)
        self._told = self._views.sample(FROM_ACTIVE, FROM_PASSIVE, but=link.address)
        self._pass_on(link, Shuffle(self._nonce, WALK, None, self._told), now)

    def shuffled(self, link: Link, frame: Shuffle, now: float) -> None:
        """Somebody wants to swap: with whom the walk comes to."""
        if not link.walks.take(1, now):
            self.dropped += 1
            return
        origin = link.address if frame.origin is None else frame.origin
        ttl = min(frame.ttl, WALK)
        onward = self._views.any_neighbour(but=link.address)
        if ttl > 1 and onward is not None and onward.address != origin:
            self._pass_on(onward, Shuffle(frame.nonce, ttl - 1, origin, frame.nodes), now)
        elif not self._views.is_own(origin):
            given = self._views.sample(0, FROM_ACTIVE + FROM_PASSIVE, but=origin)
            self._outbox.send(origin, ShuffleReply(frame.nonce, given))
            self._views.learn((origin, *frame.nodes), expendable=given)

    def replied(self, _source: Address, frame: ShuffleReply, _now: float) -> None:
        """The other's addresses in return."""
        if frame.nonce != self._nonce:
            self.refused += 1
            return
        self._nonce = None
        self._views.learn(frame.nodes, expendable=self._told)

    def _pass_on(self, link: Link, frame: Shuffle, now: float) -> None:
        self._outbox.send(link.address, frame)
        self._pulse.said(link, now)
