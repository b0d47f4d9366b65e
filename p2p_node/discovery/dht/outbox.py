"""All that a node sends, counted: questions, each under a transaction of its own, and what others asked for."""

from __future__ import annotations

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Cost, LookupId
from p2p_node.discovery.dht.lookup import Aim, Candidate, Lookup
from p2p_node.discovery.dht.transactions import Asked, Transactions
from p2p_node.wire.address import Address
from p2p_node.wire.krpc import NodeInfo, Ping, Query, Question, encode_query

MAX_PINGS = 64
"""Pings under way at a time: whoever makes up senders cannot make this node ask more of them."""


class Outbox:
    """Datagrams to send gather in `datagrams`; `costs` are those of this node's own seeking."""

    def __init__(self, own_id: bytes, read_only: bool, secret: bytes) -> None:
        self.datagrams: list[SendDatagram] = []
        self.costs: dict[LookupId, Cost] = {}
        self.sent = self.sent_bytes = self.dropped = 0
        self.transactions = Transactions(secret)
        self._own_id = own_id
        self._read_only = read_only
        self._pinged: set[Address] = set()

    def ask(self, candidate: Candidate, lookup: Lookup, question: Question, now: float) -> bool:
        """Ask a node on behalf of a lookup; False when too much is asked already."""
        return self._ask(Asked(candidate.address, candidate.id, now, lookup, candidate), question)

    def tell(self, node: NodeInfo, question: Question, now: float) -> bool:
        """Ask a node for no lookup; False when too much is asked already."""
        return self._ask(Asked(node.address, node.id, now), question)

    def ping(self, address: Address, node_id: bytes | None, now: float) -> None:
        """Find out whether a node is there, unless that is under way."""
        if address in self._pinged:
            return
        if len(self._pinged) >= MAX_PINGS:
            self.dropped += 1
        elif self._ask(Asked(address, node_id, now), Ping()):
            self._pinged.add(address)

    def say(self, address: Address, data: bytes) -> None:
        """Send what somebody asked for."""
        self.sent += 1
        self.sent_bytes += len(data)
        self.datagrams.append(SendDatagram(address, data))

    def settle(self, asked: Asked, size: int = 0) -> None:
        """A question is over: answered by a datagram of `size` bytes, or not at all."""
        if asked.lookup is None:
            self._pinged.discard(asked.address)
        elif size:
            self._charge(asked.lookup, size)

    def _ask(self, asked: Asked, question: Question) -> bool:
        if self.transactions.full:
            self.dropped += 1
            return False
        transaction = self.transactions.open(asked)
        data = encode_query(Query(transaction, self._own_id, question, self._read_only))
        self.say(asked.address, data)
        if asked.lookup is not None:
            self._charge(asked.lookup, len(data))
        return True

    def _charge(self, lookup: Lookup, size: int) -> None:
        if lookup.aim is Aim.SEEK:
            self.costs.setdefault(lookup.id, Cost()).add(size)
