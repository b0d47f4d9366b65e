"""This node's place in the network: how it enters, again where nobody answers, and keeps its table fresh."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

from p2p_node.discovery.dht.lookup import Aim, Lookup
from p2p_node.discovery.dht.lookups import Lookups
from p2p_node.discovery.dht.node_id import number_of, random_near
from p2p_node.discovery.dht.outbox import Outbox
from p2p_node.discovery.dht.routing_table import RoutingTable
from p2p_node.wire.address import Address

MAX_CONTACTS = 32
"""Addresses remembered to enter the network through, those that were named last before it did."""

FIRST_WAIT_S, MAX_WAIT_S = 2.0, 60.0
"""Where no contact answers, all are asked again after waits that double."""

SETTLING_S = (1.0, 4.0, 16.0)
"""Waits after which a node that has entered surveys the network and enters again by what it found: of those who enter
in the same moment nobody could tell it, and where datagrams were lost those it knows may know nobody but each other."""


class Membership:
    """Looks for the own id through contacts, then in every part of the id space of which too little is known.

    `joined` is when some contact answered and told of the nodes nearby, or there is nobody to ask.
    """

    def __init__(self, own_id: bytes, table: RoutingTable, lookups: Lookups, outbox: Outbox, rng: Random) -> None:
        self.joined = False
        self.contacts: dict[Address, None] = {}
        self._own_id = own_id
        self._table = table
        self._lookups = lookups
        self._outbox = outbox
        self._rng = rng
        self._again_at: float | None = None
        self._wait_s = FIRST_WAIT_S
        self._thin: list[int] = []
        """Leading bits of the own id that parts still to be explored share."""
        self._explored = 0
        """How many nodes were known when that was decided."""
        self._settling = iter(SETTLING_S)
        self._settles_at: float | None = None

    @property
    def timer(self) -> float | None:
        """When `tend` wants to be called although no lookup of its own is under way."""
        if self._busy:
            return None
        if not len(self._table):
            return self._again_at
        return min(self._table.stale_at, self._settles_at or math.inf)

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter through these nodes; where that was done already, get to know them."""
        for contact in contacts:
            if len(self._table):
                self._outbox.ping(contact, None, now)
            else:
                self.contacts[contact] = None
        while len(self.contacts) > MAX_CONTACTS:
            del self.contacts[next(iter(self.contacts))]
        if not self.contacts:
            self.joined = True
        elif not len(self._table):
            self._enter(self.contacts, now)

    def ended(self, lookup: Lookup, now: float) -> None:
        """A lookup of this node's is over that was made to enter, or to explore."""
        if lookup.aim is Aim.SURVEY:
            self._enter([*self.contacts, *lookup.nearest()], now)
        elif lookup.aim is Aim.JOIN:
            if len(self._table) > self._explored:
                self._thin = self._table.thin_buckets()
            self._explored = len(self._table)
            self.joined = self.joined or self._explored > 0

    def tend(self, now: float) -> None:
        """Do what is due."""
        if self._busy:
            return
        if not len(self._table):
            self._wait(now)
            return
        if not self.joined:
            self._enter(self.contacts, now)
            return
        self._again_at, self._wait_s = None, FIRST_WAIT_S
        if self._thin:
            self._explore(self._thin.pop(), now)
        elif self._settles_at is None:
            self._settles_at = now + next(self._settling)
        elif now >= self._settles_at:
            self._settles_at = now + next(self._settling, math.inf)
            anywhere = self._rng.randbytes(len(self._own_id))
            self._lookups.begin(Lookup(Aim.SURVEY, anywhere, self._own_id), (), now)
        elif (stale := self._table.stale_bucket(now)) is not None:
            self._explore(stale, now)

    def _explore(self, shared: int, now: float) -> None:
        target = random_near(number_of(self._own_id), shared, self._rng)
        self._lookups.begin(Lookup(Aim.REFRESH, target, self._own_id), (), now)

    @property
    def _busy(self) -> bool:
        return self._lookups.count(Aim.JOIN, Aim.REFRESH, Aim.SURVEY) > 0

    def _wait(self, now: float) -> None:
        """Nobody is known: enter again when that is due."""
        if not self.contacts:
            return
        if self._again_at is None:
            self._again_at = now + self._wait_s
            self._wait_s = min(2 * self._wait_s, MAX_WAIT_S)
        elif now >= self._again_at:
            self._enter(self.contacts, now)

    def _enter(self, through: Iterable[Address], now: float) -> None:
        self._again_at = None
        if not self._busy:
            self._lookups.begin(Lookup(Aim.JOIN, self._own_id, self._own_id), through, now)
