"""Answers to the questions of other nodes (BEP 5).

The rule: an answer is one datagram that every path carries whole, and costs what one look into a table costs.
"""

from __future__ import annotations

from p2p_node.discovery.dht.node_id import number_of
from p2p_node.discovery.dht.peer_store import PeerStore
from p2p_node.discovery.dht.provisions import Provisions
from p2p_node.discovery.dht.routing_table import RoutingTable
from p2p_node.discovery.dht.tokens import Tokens
from p2p_node.wire.address import Address, is_ipv6, pack_address
from p2p_node.wire.krpc import (
    AnnouncePeer,
    Fault,
    FindNode,
    GetPeers,
    KrpcError,
    Ping,
    Query,
    encode_packed,
)

MAX_PEERS_V4, MAX_PEERS_V6 = 100, 34
"""Peers in an answer: with K nodes beside them it takes less than 1,232 bytes, IPv6's smallest MTU less its headers."""


class Answers:
    """Answers in the name of the node `own_id` at the address `own`."""

    def __init__(
        self,
        own_id: bytes,
        own: Address,
        table: RoutingTable,
        store: PeerStore,
        provisions: Provisions,
        tokens: Tokens,
    ) -> None:
        self._own_id = own_id
        self._own_host = own[0]
        self._ipv6 = is_ipv6(own[0])
        self._table = table
        self._store = store
        self._provisions = provisions
        self._tokens = tokens

    def answer(self, query: Query, source: Address, now: float) -> bytes:
        """The datagram to send back; raises KrpcError where that is a refusal."""
        match query.question:
            case Ping():
                return self._encode(query, source)
            case FindNode(target):
                return self._encode(query, source, self._nodes(target))
            case GetPeers(key):
                token = self._tokens.give(source[0], now)
                return self._encode(query, source, self._nodes(key), self._peers(key, now), token)
            case AnnouncePeer(key, port, token, implied):
                if not self._tokens.accepts(token, source[0], now):
                    raise KrpcError(Fault.PROTOCOL, query.transaction, "bad token")
                peer = source if implied else (source[0], port)
                if not self._store.announce(key, peer, now):
                    raise KrpcError(Fault.SERVER, query.transaction, "no room for more peers")
                return self._encode(query, source)

    def _nodes(self, target: bytes) -> bytes:
        return b"".join([contact.packed for contact in self._table.closest(number_of(target))])

    def _peers(self, key: bytes, now: float) -> list[bytes]:
        most = MAX_PEERS_V6 if self._ipv6 else MAX_PEERS_V4
        port = self._provisions.port(key)
        if port is None or self._own_host in _ANY:
            return self._store.sample(key, most, now)
        own = pack_address((self._own_host, port))
        return [own, *(peer for peer in self._store.sample(key, most - 1, now) if peer != own)]

    def _encode(
        self,
        query: Query,
        source: Address,
        nodes: bytes = b"",
        peers: list[bytes] | None = None,
        token: bytes | None = None,
    ) -> bytes:
        nodes_v4, nodes_v6 = (b"", nodes) if self._ipv6 else (nodes, b"")
        return encode_packed(query.transaction, self._own_id, nodes_v4, nodes_v6, peers or (), token, source)


_ANY = ("0.0.0.0", "::")
"""Hosts that listen on all their addresses do not know under which one others see them."""
