"""A node of the gossip overlay: arbitrary neighbours, and nobody who knows where anything is but who has it.

Read `membership` for how nodes become neighbours, `pulse` for how they notice each other's end, `shuffling` for how
they come to know replacements; then `lookups` for how one searches, and `relay` for what the others do about it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Census, Cost, Finding, Key, LookupId
from p2p_node.discovery.gossip.budget import Budget
from p2p_node.discovery.gossip.lookups import Lookups
from p2p_node.discovery.gossip.membership import Membership
from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.pulse import Pulse
from p2p_node.discovery.gossip.relay import Relay
from p2p_node.discovery.gossip.routes import Routes
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.discovery.gossip.shuffling import Shuffling
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.address import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.gossip import (
    Answer,
    Ask,
    Cookie,
    Disconnect,
    ForwardJoin,
    Have,
    Hit,
    Join,
    Neighbor,
    Ping,
    Pong,
    Query,
    Shuffle,
    ShuffleReply,
    decode,
    is_frame,
)

STRANGERS_PER_S = 400.0
MAX_STRANGERS = 2000.0
"""Frames from others than neighbours that are answered, a second and at once: what a crowd that joins sends, and no
flood."""


class GossipNode:
    """Implements `Discovery`."""

    def __init__(self, own: Address, rng: Random, now: float, settings: GossipSettings | None = None) -> None:
        settings = settings or GossipSettings()
        self._outbox = outbox = Outbox()
        self._views = views = Views(own, settings, rng)
        self._pulse = pulse = Pulse(views, outbox)
        self._membership = Membership(views, settings, pulse, outbox, rng, now)
        self._shuffling = Shuffling(views, pulse, outbox, rng, now)
        self._routes = routes = Routes()
        self._relay = Relay(views, routes, pulse, outbox, settings, rng, now)
        self._lookups = Lookups(views, routes, self._relay, outbox, settings.strategy, rng)
        self._strangers = Budget(STRANGERS_PER_S, MAX_STRANGERS, now)
        self._received = 0
        self._refused = 0
        self._dropped = 0
        self._of_neighbours: dict[type, Callable[[Link, Any, float], None]] = {
            Query: self._relay.query,
            Hit: self._hit,
            ForwardJoin: self._membership.forwarded,
            Shuffle: self._shuffling.shuffled,
            Ping: _nothing_more,
            Pong: _nothing_more,
        }
        self._of_anybody: dict[type, Callable[[Address, Any, float], None]] = {
            Join: self._membership.requested,
            Neighbor: self._membership.requested,
            Cookie: self._membership.cookie_demanded,
            Answer: self._membership.answered,
            Disconnect: self._membership.disconnected,
            ShuffleReply: self._shuffling.replied,
        }
        self._between_seeker_and_holder: dict[type, Callable[[Address, Any, float], None]] = {
            Ask: self._relay.asked,
            Have: self._lookups.confirmed,
        }

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        due = min(
            self._pulse.timer,
            self._membership.timer,
            self._shuffling.timer,
            self._lookups.timer,
            self._relay.timer,
        )
        return due if due < math.inf else None

    @property
    def joined(self) -> bool:
        """Whether it has a neighbour, or is the first node."""
        return self._membership.joined

    @property
    def neighbours(self) -> tuple[Address, ...]:
        """Its neighbours, oldest first."""
        return tuple(self._views.links)

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter the overlay through these nodes."""
        self._membership.join(contacts, now)

    def provide(self, key: Key, port: int, now: float) -> None:
        """This host has the item. Nobody is told who does not ask."""
        self._relay.items[key] = port

    def withdraw(self, key: Key, now: float) -> None:
        """This host no longer has the item."""
        self._relay.items.pop(key, None)

    def seek(self, key: Key, now: float) -> LookupId:
        """Look for who has the item."""
        return self._lookups.seek(key, now)

    def abandon(self, lookup: LookupId, now: float) -> None:
        """No more is needed of this lookup."""
        self._lookups.abandon(lookup)

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        """A datagram came; False when it is no gossip."""
        if not is_frame(data):
            return False
        self._received += 1
        try:
            frame = decode(data)
        except ProtocolError:
            self._refused += 1
            return True
        link = self._views.links.get(source)
        kind = type(frame)
        if kind in self._of_anybody:
            if link is not None or self._hears_strangers(now):
                self._of_anybody[kind](source, frame, now)
        elif kind in self._between_seeker_and_holder:
            self._between_seeker_and_holder[kind](source, frame, now)
        elif link is not None:
            self._pulse.heard(link, frame, now)
            self._of_neighbours[kind](link, frame, now)
        elif not self._membership.awaits(source):
            self._refused += 1
            if self._hears_strangers(now):
                self._outbox.send(source, Disconnect())
        return True

    def tick(self, now: float) -> None:
        """The timer came due."""
        for link in self._pulse.tick(now):
            self._membership.lost(link, now)
        self._membership.tick(now)
        if self._shuffling.tick(now):
            self._membership.widen(now)
        self._lookups.tick(now)
        self._relay.tick(now)

    def leave(self, now: float) -> None:
        """Say goodbye to the neighbours."""
        self._membership.leave()

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        return self._outbox.take_datagrams()

    def take_findings(self) -> list[Finding]:
        """What lookups found; taken once."""
        findings, self._lookups.findings = self._lookups.findings, []
        return findings

    def take_costs(self) -> Mapping[LookupId, Cost]:
        """What was sent for each lookup: queries, hits, and what seekers and holders say to each other. Signs of life
        between neighbours are no lookup's."""
        return self._outbox.take_costs()

    def census(self) -> Census:
        """Its figures now."""
        parts = (self._membership, self._shuffling, self._relay)
        return Census(
            neighbours=len(self._views.links),
            entries=len(self._views.passive)
            + self._membership.entries
            + len(self._routes)
            + len(self._lookups)
            + len(self._relay.items),
            sent=self._outbox.sent,
            sent_bytes=self._outbox.sent_bytes,
            received=self._received,
            dropped=self._dropped + sum(part.dropped for part in parts),
            refused=self._refused + self._lookups.refused + sum(part.refused for part in parts),
        )

    def _hears_strangers(self, now: float) -> bool:
        if self._strangers.take(1, now):
            return True
        self._dropped += 1
        return False

    def _hit(self, link: Link, frame: Hit, now: float) -> None:
        if frame.lookup in self._lookups:
            self._lookups.hit(link, frame, now)
        else:
            self._relay.hit(link, frame, now)


def _nothing_more(_link: Link, _frame: Ping | Pong, _now: float) -> None:
    """That it was heard is all that matters."""
