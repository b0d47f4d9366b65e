"""A node of the DHT behind the `Discovery` seam: what comes in, and what follows.

The rule: the node speaks first for five reasons alone – to enter, to look up, to announce, to keep its table fresh, and
to find out whether one node is there; everything else is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Census, Cost, Ended, Finding, Found, Key, LookupId
from p2p_node.discovery.dht.answers import Answers
from p2p_node.discovery.dht.lookup import Aim, Lookup
from p2p_node.discovery.dht.lookups import Lookups
from p2p_node.discovery.dht.membership import Membership
from p2p_node.discovery.dht.node_id import id_for, is_allowed
from p2p_node.discovery.dht.outbox import Outbox
from p2p_node.discovery.dht.peer_store import MAX_PER_KEY, PeerStore
from p2p_node.discovery.dht.provisions import Provisions
from p2p_node.discovery.dht.routing_table import RoutingTable
from p2p_node.discovery.dht.tokens import Tokens
from p2p_node.discovery.limits import QueryLimit
from p2p_node.wire.address import Address, is_ipv6, unpack_address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.krpc import (
    AnnouncePeer,
    Answer,
    KrpcError,
    NodeInfo,
    Query,
    Refusal,
    decode,
    encode_refusal,
    looks_like,
)

MAX_ANNOUNCING = 4
"""Announces under way at a time, so that a host of many items does not flood its uplink."""


@dataclass(frozen=True, slots=True)
class DhtSettings:
    """How a node behaves where there is a choice: `read_only` asks and never answers (BEP 43), `enforce_ids` gives no
    place to nodes whose ids do not fit their public addresses (BEP 42)."""

    read_only: bool = False
    enforce_ids: bool = False


class DhtNode:
    """One host's node; `own` is its UDP address."""

    def __init__(self, own: Address, rng: Random, now: float, settings: DhtSettings | None = None) -> None:
        self.id = id_for(own[0], rng)
        self._own = own
        self._ipv6 = is_ipv6(own[0])
        self._rng = rng
        self._settings = settings or DhtSettings()
        secret = rng.randbytes(32)
        self._limit = QueryLimit(rng.getrandbits(32), now)
        self._store = PeerStore(rng)
        self._provisions = Provisions(rng)
        self._outbox = Outbox(self.id, self._settings.read_only, secret)
        self._table = RoutingTable(self.id, now)
        self._answers = Answers(self.id, own, self._table, self._store, self._provisions, Tokens(secret))
        self._lookups = Lookups(self._outbox, self._table, self._ipv6)
        self._membership = Membership(self.id, self._table, self._lookups, self._outbox, rng)
        self._depth = self._table.depth
        self._findings: list[Finding] = []
        self._received = self._dropped = self._refused = 0

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        times = [self._outbox.transactions.timer, self._membership.timer]
        if self._may_announce:
            times.append(self._provisions.timer)
        return min((time for time in times if time is not None), default=None)

    @property
    def joined(self) -> bool:
        """Whether some contact answered and told of the nodes nearby, or there is nobody to ask."""
        return self._membership.joined

    # What the host wants

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter through these nodes, or get to know more of them."""
        own_family = (one for one in contacts if is_ipv6(one[0]) == self._ipv6 and one != self._own)
        self._membership.join(own_family, now)
        self._go_on(now)

    def provide(self, key: Key, port: int, now: float) -> None:
        """Announce this key, now and again until it is withdrawn."""
        self._provisions.add(key, port, now)
        self._go_on(now)

    def withdraw(self, key: Key, now: float) -> None:
        """Announce it no more: others forget it within half an hour."""
        self._provisions.remove(key)

    def seek(self, key: Key, now: float) -> LookupId:
        """Look this key up."""
        lookup = Lookup(Aim.SEEK, key, self.id, self._rng.randbytes(8))
        stored = map(unpack_address, self._store.sample(key, MAX_PER_KEY, now))
        self._tell(lookup, lookup.found(stored), 0)
        self._lookups.begin(lookup, self._membership.contacts, now)
        self._go_on(now)
        return lookup.id

    def abandon(self, lookup: LookupId, now: float) -> None:
        """Ask nobody else for it."""
        self._lookups.abandon(lookup)

    def leave(self, now: float) -> None:
        """There is no goodbye in BEP 5: ask no more."""
        self._lookups.abandon_all()

    # What the network brings

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        """A datagram came; False when it is no KRPC."""
        if not looks_like(data):
            return False
        self._received += 1
        try:
            message = decode(data)
            if isinstance(message, Query):
                self._on_query(message, source, now)
            else:
                self._on_reply(message, source, len(data), now)
        except KrpcError as error:
            if self._hears(source, now):
                self._refuse(error, source)
        except ProtocolError:
            self._refused += 1
        self._go_on(now)
        return True

    def tick(self, now: float) -> None:
        """The timer came due: some did not answer, or something is to be done again."""
        transactions = self._outbox.transactions
        for asked in transactions.take_late(now):
            self._lookups.late(asked, now)
        for asked in transactions.take_given_up(now):
            self._outbox.settle(asked)
            self._lookups.failed(asked, now)
            if asked.node_id is not None:
                self._table.failed(NodeInfo(asked.node_id, asked.address), now)
        self._go_on(now)

    def _hears(self, source: Address, now: float) -> bool:
        """Whether a question from there is answered at all."""
        if not self._settings.read_only and self._limit.allows(source[0], now):
            return True
        self._dropped += 1
        return False

    def _on_query(self, query: Query, source: Address, now: float) -> None:
        if query.sender == self.id or not self._hears(source, now):
            return
        try:
            self._outbox.say(source, self._answers.answer(query, source, now))
        except KrpcError as error:
            self._refuse(error, source)
        sender = NodeInfo(query.sender, source)
        if not query.read_only and self._is_welcome(sender):
            self._table.asked(sender, now)

    def _refuse(self, error: KrpcError, source: Address) -> None:
        self._refused += 1
        self._outbox.say(source, encode_refusal(Refusal(error.transaction, error.fault, str(error))))

    def _on_reply(self, reply: Answer | Refusal, source: Address, size: int, now: float) -> None:
        asked = self._outbox.transactions.close(reply.transaction, source)
        if asked is None:
            raise ProtocolError("KRPC reply that nobody asked for")
        self._outbox.settle(asked, size)
        if isinstance(reply, Refusal) or reply.sender == self.id:
            self._lookups.failed(asked, now)
            return
        if asked.node_id not in (None, reply.sender):
            self._table.remove(NodeInfo(asked.node_id, source), now)
        sender = NodeInfo(reply.sender, source)
        if self._is_welcome(sender):
            self._table.answered(sender, now)
        peers = self._lookups.answered(asked, reply, now)
        if asked.lookup is not None and asked.candidate is not None:
            self._tell(asked.lookup, peers, asked.candidate.depth)

    def _is_welcome(self, node: NodeInfo) -> bool:
        return not self._settings.enforce_ids or is_allowed(node.id, node.address[0])

    # What follows

    def _go_on(self, now: float) -> None:
        """Do all that there is reason for by now."""
        while self._lookups.ended:
            self._conclude(self._lookups.ended.pop(0), now)
        self._membership.tend(now)
        if self._table.depth > self._depth:
            self._depth = self._table.depth
            self._provisions.grown(self._depth, now)
        while self._may_announce and (key := self._provisions.take_due(self._depth, now)) is not None:
            self._lookups.begin(Lookup(Aim.ANNOUNCE, key, self.id), (), now)
        doubts, self._table.doubts = self._table.doubts, []
        for node in doubts:
            self._outbox.ping(node.address, node.id, now)

    @property
    def _may_announce(self) -> bool:
        return self.joined and self._lookups.count(Aim.ANNOUNCE) < MAX_ANNOUNCING

    def _conclude(self, lookup: Lookup, now: float) -> None:
        match lookup.aim:
            case Aim.SEEK:
                self._findings.append(Ended(lookup.id, lookup.hops))
            case Aim.ANNOUNCE:
                self._announce(lookup, now)
            case Aim.JOIN | Aim.REFRESH | Aim.SURVEY:
                self._membership.ended(lookup, now)

    def _announce(self, lookup: Lookup, now: float) -> None:
        port = self._provisions.port(lookup.target)
        if port is None:
            return
        takers = lookup.takers()
        implied = port == self._own[1]  # where a NAT translates it, only others know to what
        for node, token in takers:
            self._outbox.tell(node, AnnouncePeer(lookup.target, port, token, implied), now)
        if not takers:
            self._provisions.refused(lookup.target, now)

    def _tell(self, lookup: Lookup, peers: list[Address], hops: int) -> None:
        if peers and lookup.aim is Aim.SEEK:
            self._findings.append(Found(lookup.id, tuple(peers), hops))

    # What there is to tell

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        taken, self._outbox.datagrams = self._outbox.datagrams, []
        return taken

    def take_findings(self) -> list[Finding]:
        """What lookups found; taken once."""
        taken, self._findings = self._findings, []
        return taken

    def take_costs(self) -> Mapping[LookupId, Cost]:
        """Questions asked for this node's lookups and the answers to them, since this was last taken."""
        taken, self._outbox.costs = self._outbox.costs, {}
        return taken

    def census(self) -> Census:
        """Its figures now."""
        table, outbox = self._table, self._outbox
        entries = len(table), table.spare_count, len(self._store), len(outbox.transactions), len(self._provisions)
        return Census(
            neighbours=len(table),
            entries=sum(entries) + len(self._membership.contacts),
            sent=outbox.sent,
            sent_bytes=outbox.sent_bytes,
            received=self._received,
            dropped=self._dropped + outbox.dropped,
            refused=self._refused,
        )
