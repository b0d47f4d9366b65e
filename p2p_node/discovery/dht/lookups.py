"""The lookups that are under way: each goes on when one of its questions is settled, and ends when none is left."""

from __future__ import annotations

from collections.abc import Iterable

from p2p_node.discovery.base import LookupId
from p2p_node.discovery.dht.bucket import K
from p2p_node.discovery.dht.lookup import Aim, Lookup
from p2p_node.discovery.dht.node_id import number_of
from p2p_node.discovery.dht.outbox import Outbox
from p2p_node.discovery.dht.routing_table import RoutingTable
from p2p_node.discovery.dht.transactions import Asked
from p2p_node.wire.address import Address
from p2p_node.wire.krpc import Answer, FindNode, GetPeers, NodeInfo

STARTS = 4 * K
"""Nodes of the own table that a lookup knows from the start: the K nearest may all have died."""

MAX_LOOKUPS = 256
"""Lookups under way at a time; those beyond end at once, with nothing found."""


class Lookups:
    """Runs lookups; those that are over gather in `ended`."""

    def __init__(self, outbox: Outbox, table: RoutingTable, ipv6: bool) -> None:
        self.ended: list[Lookup] = []
        self._outbox = outbox
        self._table = table
        self._ipv6 = ipv6
        self._running: dict[Lookup, None] = {}

    def count(self, *aims: Aim) -> int:
        """How many of these kinds are under way."""
        return sum(lookup.aim in aims for lookup in self._running) if self._running else 0

    def begin(self, lookup: Lookup, contacts: Iterable[Address], now: float) -> None:
        """Start at the nearest nodes known, and at these contacts where nobody is."""
        nearest = self._table.closest(number_of(lookup.target), STARTS)
        lookup.learn((NodeInfo(contact.id, contact.address) for contact in nearest), 1)
        lookup.start_at(contacts)
        if len(self._running) < MAX_LOOKUPS:
            self._running[lookup] = None
            self._advance(lookup, now)
        else:
            self._outbox.dropped += 1
            self.ended.append(lookup)

    def abandon(self, lookup_id: LookupId) -> None:
        """End the search of this id, and say nothing of it."""
        for lookup in [lookup for lookup in self._running if lookup.aim is Aim.SEEK and lookup.id == lookup_id]:
            del self._running[lookup]

    def abandon_all(self) -> None:
        """End everything, and say nothing of it."""
        self._running.clear()

    def answered(self, asked: Asked, answer: Answer, now: float) -> list[Address]:
        """A question was answered; returns peers that are new to its lookup, of this node's family of addresses."""
        lookup = asked.lookup
        if lookup is None or asked.candidate is None or lookup not in self._running:
            return []
        peers = lookup.answered(asked.candidate, answer, self._ipv6)
        self._advance(lookup, now)
        return peers

    def late(self, asked: Asked, now: float) -> None:
        """An answer has not come in good time."""
        if asked.lookup in self._running and asked.candidate is not None:
            asked.lookup.late(asked.candidate)
            self._advance(asked.lookup, now)

    def failed(self, asked: Asked, now: float) -> None:
        """A question will not be answered."""
        if asked.lookup in self._running and asked.candidate is not None:
            asked.lookup.failed(asked.candidate)
            self._advance(asked.lookup, now)

    def _advance(self, lookup: Lookup, now: float) -> None:
        seeks = lookup.aim in (Aim.SEEK, Aim.ANNOUNCE)
        question = GetPeers(lookup.target) if seeks else FindNode(lookup.target)
        for candidate in lookup.next():
            if not self._outbox.ask(candidate, lookup, question, now):
                lookup.failed(candidate)
        if lookup.done:
            self._running.pop(lookup, None)
            self.ended.append(lookup)
