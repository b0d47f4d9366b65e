"""A supernode towards its leaves: a tracker (BEP 3, BEP 15) that asks the other supernodes before it says there are
few.

The rule: leaves see a tracker that takes a moment longer. The counts in its answers are of its own leaves, and these
come first among the peers that it names; so who is named beyond the counts was known to another supernode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import msgspec

from p2p_node.discovery.limits import QueryLimit
from p2p_node.discovery.registry import DEFAULT_WANTED, MAX_WANTED, Registry
from p2p_node.discovery.supernode.catalogue import Catalogue
from p2p_node.discovery.supernode.outbox import Outbox, lookup_id
from p2p_node.discovery.supernode.queries import Queries
from p2p_node.discovery.udp_server import UdpServer, fitting
from p2p_node.wire.address import Address, is_ipv6
from p2p_node.wire.announce import Announce, AnnounceReply, Event
from p2p_node.wire.udp_tracker import encode_answer

INTERVAL_S = 30.0
"""Leaves that are plain clients are to announce again after so long, which is how long they miss that their supernode
died: our peers and aria2 heed it over UDP. aria2 announces every five seconds over HTTP (Registry's least), libtorrent
every 300 s whatever it is told."""

ENOUGH = 8
"""With so many peers of its own for a key a supernode asks nobody: as many as a node looks for before it rests."""

Reply = Callable[[AnnounceReply, float], None]
"""Is told the answer to an announce, at once or a little later, and the time."""


class Service:
    """Announces in, answers out."""

    def __init__(
        self, registry: Registry, catalogue: Catalogue, queries: Queries, outbox: Outbox, rng: Random, now: float
    ) -> None:
        self.dropped = 0
        self._registry = registry
        self._catalogue = catalogue
        self._queries = queries
        self._outbox = outbox
        self._limit = QueryLimit(rng.getrandbits(32), now)
        self._udp = _UdpService(registry, self, outbox, rng.randbytes(32))

    def datagram(self, source: Address, data: bytes, now: float) -> None:
        """A request of the tracker protocol came."""
        answer = self._udp.answer(data, source, now)
        if answer is not None:
            self._outbox.send(source, answer)

    def receives(self, connection: int, source: Address, now: float) -> bool:
        """Whether this address was given the connection id, and so receives there."""
        return self._udp.gave_out(connection, source, now)

    @property
    def asked(self) -> Mapping[str, int]:
        """Questions that were heard over UDP, by kind."""
        return self._udp.asked

    def announce(
        self, announce: Announce, host: str, now: float, reply: Reply, transaction: int = 0, ipv6: bool | None = None
    ) -> None:
        """Take in an announce from `host`; the answer has addresses of one family alone when `ipv6` says which."""
        own = self._registry.announce(announce, host, now, ipv6)
        if announce.port and announce.info_hash in self._registry:
            self._catalogue.added(announce.info_hash)
        lookup = lookup_id(announce.peer_id, transaction)

        def merge(others: tuple[Address, ...], then: float) -> None:
            able = (other for other in others if ipv6 in (None, is_ipv6(other[0])) and other != (host, announce.port))
            peers = tuple(dict.fromkeys((*own.peers, *able)))[: _wanted(announce)]
            reply(msgspec.structs.replace(own, peers=peers), then)

        needed = min(_wanted(announce), ENOUGH) - len(own.peers)
        may_ask = needed > 0 and _seeks(announce) and self._may_ask(host, now)
        if not may_ask or not self._queries.ask(announce.info_hash, lookup, needed, merge, now):
            reply(own, now)

    def _may_ask(self, host: str, now: float) -> bool:
        allowed = self._limit.allows(host, now)
        self.dropped += not allowed
        return allowed


class _UdpService(UdpServer):
    """The tracker's end of UDP, whose answers to announces may come later."""

    def __init__(self, registry: Registry, service: Service, outbox: Outbox, secret: bytes) -> None:
        super().__init__(registry, secret)
        self._service = service
        self._outbox = outbox

    def _announce(self, announce: Announce, transaction: int, source: Address, now: float) -> None:
        ipv6 = is_ipv6(source[0])
        lookup = lookup_id(announce.peer_id, transaction) if _wanted(announce) else None

        def reply(answer: AnnounceReply, _then: float) -> None:
            self._outbox.send(source, encode_answer(transaction, fitting(answer, ipv6), ipv6), lookup)

        self._service.announce(announce, source[0], now, reply, transaction, ipv6)


def _seeks(announce: Announce) -> bool:
    """Whether the registry names everybody to it: seeds are to be told of no seeds but when they start."""
    return announce.event is Event.STARTED or (announce.left > 0 and announce.event is not Event.STOPPED)


def _wanted(announce: Announce) -> int:
    return DEFAULT_WANTED if announce.wanted < 0 else min(announce.wanted, MAX_WANTED)
