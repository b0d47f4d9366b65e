"""Hostile nodes of the DHT: what they send is dropped and counted, takes bounded memory, and nobody else's lookup
fails."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.dht import peer_store
from p2p_node.discovery.dht.answers import MAX_PEERS_V4
from p2p_node.discovery.dht.bucket import K
from p2p_node.discovery.dht.node import DhtNode, DhtSettings
from p2p_node.discovery.dht.node_id import is_allowed, number_of
from p2p_node.discovery.dht.outbox import MAX_PINGS
from p2p_node.discovery.limits import MAX_QUERIES
from p2p_node.wire.address import Address
from p2p_node.wire.krpc import (
    AnnouncePeer,
    Answer,
    Fault,
    FindNode,
    GetPeers,
    KrpcMessage,
    NodeInfo,
    Ping,
    Query,
    Question,
    Refusal,
    decode,
    encode_answer,
    encode_query,
)
from tests.overlay import PORT, Host, Overlay

KEY = b"k" * 20
ATTACKER = ("84.1.1.1", 6881)
STRANGER = b"s" * 20
LARGEST = 1232
"""IPv6's smallest MTU less its headers: no path fragments what is not longer."""


def lone_node() -> DhtNode:
    node = DhtNode(("20.1.1.1", 6881), Random(1), 0.0)
    node.join([], 0.0)
    return node


def tell(node: DhtNode, data: bytes, source: Address = ATTACKER, now: float = 0.0) -> list[SendDatagram]:
    """What it sends because of this datagram."""
    assert node.datagram_received(source, data, now)
    return node.take_datagrams()


def ask(node: DhtNode, question: Question, source: Address = ATTACKER, now: float = 0.0) -> KrpcMessage:
    """Its answer to a question."""
    sent = tell(node, encode_query(Query(b"tx", STRANGER, question)), source, now)
    return next(message for one in sent if not isinstance(message := decode(one.data), Query))


def token_for(node: DhtNode, source: Address) -> bytes:
    answer = ask(node, GetPeers(KEY), source)
    assert isinstance(answer, Answer) and answer.token is not None
    return answer.token


# One node and what it is sent


def test_what_is_malformed_is_counted_and_changes_nothing() -> None:
    """A query gets a refusal no longer than itself; anything else gets nothing."""
    node = lone_node()
    rng = Random(1)
    valid = encode_query(Query(b"tx", STRANGER, GetPeers(KEY)))
    for _ in range(500):
        broken = bytearray(valid)
        broken[rng.randrange(1, len(broken))] = rng.randrange(256)
        tell(node, bytes(broken[: rng.randrange(1, len(broken))]))
    census = node.census()
    assert census.refused + census.dropped == 500 and census.sent <= MAX_QUERIES and census.neighbours == 0
    refused = tell(node, encode_query(Query(b"tx", STRANGER, GetPeers(KEY))).replace(b"get_peers", b"got_peers"))
    assert [decode(one.data) for one in refused] == [Refusal(b"tx", Fault.UNKNOWN_METHOD, "unknown method")]


@pytest.mark.parametrize("data", [b"", b"x", b"\x00\x00\x04\x17\x27\x10\x19\x80", b"\x80gos", b"i1e", b"le"])
def test_datagrams_of_other_protocols_are_left_to_others(data: bytes) -> None:
    """Trackers answer to the same port."""
    assert not lone_node().datagram_received(ATTACKER, data, 0.0)


def test_tokens_are_neither_forged_nor_borrowed() -> None:
    """One of another address, of no address, or too old stores nothing."""
    node = lone_node()
    honest = ("30.1.1.1", 6881)
    token = token_for(node, honest)
    bad = Refusal(b"tx", Fault.PROTOCOL, "bad token")
    assert ask(node, AnnouncePeer(KEY, 1, token)) == bad
    assert ask(node, AnnouncePeer(KEY, 1, b"12345678")) == bad
    assert ask(node, AnnouncePeer(KEY, 1, token), honest, now=601.0) == bad
    assert node.census().refused == 3 and peers_at(node) == ()
    assert isinstance(ask(node, AnnouncePeer(KEY, 1, token), honest), Answer)
    assert peers_at(node) == (("30.1.1.1", 1),)


def peers_at(node: DhtNode) -> Sequence[Address]:
    answer = ask(node, GetPeers(KEY), ("40.1.1.1", 6881))
    assert isinstance(answer, Answer)
    return answer.peers


def test_replies_that_nobody_asked_for_are_dropped() -> None:
    """Neither a made-up transaction counts, nor the right one from elsewhere, nor an answer that came already."""
    node = DhtNode(("20.1.1.1", 6881), Random(1), 0.0)
    contact = ("30.1.1.1", 6881)
    node.join([contact], 0.0)
    (asked,) = node.take_datagrams()
    query = decode(asked.data)
    assert isinstance(query, Query)
    lie = NodeInfo(b"v" * 20, ("50.1.1.1", 6881))
    answer = encode_answer(Answer(query.transaction, STRANGER, nodes=(lie,)))
    assert tell(node, encode_answer(Answer(b"none", STRANGER, nodes=(lie,)))) == []
    assert tell(node, answer, source=ATTACKER) == []
    assert node.census().refused == 2 and node.census().neighbours == 0
    assert [one.address for one in tell(node, answer, source=contact)] == [lie.address]
    assert tell(node, answer, source=contact) == [] and node.census().refused == 3


def test_a_flood_of_questions_is_answered_a_bounded_number_of_times() -> None:
    """The rest is dropped and counted; another address is answered."""
    node = lone_node()
    for _ in range(1000):
        tell(node, encode_query(Query(b"tx", STRANGER, FindNode(KEY))))
    assert node.census().dropped == 1000 - MAX_QUERIES
    assert isinstance(ask(node, Ping(), ("30.1.1.1", 1)), Answer)


def test_a_flood_of_announces_is_bounded_and_crowds_out_nobody() -> None:
    """One address stores so much and no more, however patient it is; others' announces stay and are told of."""
    node = lone_node()
    honest = ("30.1.1.1", 6881)
    ask(node, AnnouncePeer(KEY, 1, token_for(node, honest)), honest)
    token = token_for(node, ATTACKER)
    now = 0.0
    for number in range(1000):
        now += 0.1
        ask(node, AnnouncePeer(number.to_bytes(20, "big"), 1, token), now=now)
    assert node.census().entries <= peer_store.MAX_PER_HOST + 10
    assert peers_at(node) == (("30.1.1.1", 1),)


def test_answers_fit_a_datagram_that_every_path_carries() -> None:
    """With all the nodes and peers that there can be in one, and the longest transaction."""
    node = lone_node()
    for number in range(200):
        host = (f"30.{number}.1.1", 6881)
        answer = Answer(b"", number_to_id(number), ())
        for one in tell(node, encode_query(Query(b"tx", answer.sender, GetPeers(KEY))), host):
            if isinstance(query := decode(one.data), Query):
                tell(node, encode_answer(Answer(query.transaction, answer.sender)), host)
        ask(node, AnnouncePeer(KEY, 1, token_for(node, host)), host)
    (sent,) = tell(node, encode_query(Query(b"t" * 20, number_to_id(0), GetPeers(KEY))), ("30.0.1.1", 6881))
    told = decode(sent.data)
    assert isinstance(told, Answer)
    assert (len(told.nodes), len(told.peers)) == (K, MAX_PEERS_V4) and len(sent.data) <= LARGEST


def number_to_id(number: int) -> bytes:
    return Random(number).randbytes(20)


def test_made_up_senders_are_pinged_a_bounded_number_of_times() -> None:
    """Nobody makes a node ping the whole Internet by asking it in others' names."""
    node = lone_node()
    pings = 0
    for number in range(1000):
        sender = Query(b"tx", number_to_id(number), Ping())
        sent = tell(node, encode_query(sender), (f"30.{number >> 8}.{number & 255}.1", 6881))
        pings += sum(isinstance(decode(one.data), Query) for one in sent)
    assert 0 < pings <= MAX_PINGS and node.census().neighbours == 0


def test_ids_are_held_to_their_addresses_where_that_is_wanted() -> None:
    """BEP 42: who chose its id freely gets no place."""
    node = DhtNode(("20.1.1.1", 6881), Random(1), 0.0, DhtSettings(enforce_ids=True))
    assert is_allowed(node.id, "20.1.1.1")
    for host, node_id in (("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"), ("30.1.1.1", "00" * 20)):
        node.join([(host, 6881)], 0.0)
        for one in node.take_datagrams():
            if one.address[0] == host and isinstance(query := decode(one.data), Query):
                tell(node, encode_answer(Answer(query.transaction, bytes.fromhex(node_id))), (host, 6881))
    assert node.census().neighbours == 1


# A network with liars in it


class Liar:
    """A node with an id of its choice that knows of nobody but its like, and of no peers."""

    timer = None
    joined = True

    def __init__(self, node_id: bytes, victims: Sequence[Address]) -> None:
        self.id = node_id
        self.named: list[NodeInfo] = []
        self._sent = [SendDatagram(one, encode_query(Query(b"tx", node_id, Ping()))) for one in victims]

    def datagram_received(self, source: Address, data: bytes, _now: float) -> None:
        query = decode(data)
        if isinstance(query, Query):
            nodes = tuple(self.named[:16])
            self._sent.append(SendDatagram(source, encode_answer(Answer(query.transaction, self.id, nodes, (), b"t"))))

    def take_datagrams(self) -> list[SendDatagram]:
        sent, self._sent = self._sent, []
        return sent

    def take_findings(self) -> list[None]:
        return []


def honest_network(size: int) -> Overlay:
    """Nodes of the open Internet, each of another subnet."""
    overlay = Overlay(seed=3)
    for number in range(size):
        overlay.add(DhtNode, (f"{20 + number}.1.1.1", PORT)).join(
            overlay.rng.sample(overlay.alive[:-1], min(1, number))
        )
        overlay.run(0.05)
    overlay.run(3.0)
    return overlay


def besiege(overlay: Overlay, addresses: Sequence[Address]) -> None:
    """Liars at these addresses have the ids nearest to the key, and have made themselves known."""
    near = number_of(KEY)
    victims = [host.address for host in overlay.alive]
    liars = [Liar((near ^ number).to_bytes(20, "big"), victims) for number in range(1, len(addresses) + 1)]
    named = [NodeInfo(liar.id, address) for liar, address in zip(liars, addresses, strict=True)]
    for liar, address in zip(liars, addresses, strict=True):
        liar.named = named
        host = overlay.hosts.setdefault(address, Host(overlay, address, liar))  # type: ignore[arg-type]
        for datagram in liar.take_datagrams():
            overlay.send(address, datagram.address, datagram.data)
        host.perform()
    overlay.run(10.0)


@pytest.mark.parametrize(
    "addresses",
    [
        [("84.1.1.1", PORT)],
        [(f"84.1.1.{number}", PORT) for number in range(1, 41)],
        [("84.1.1.1", 1000 + number) for number in range(40)],
    ],
    ids=["one-node", "one-subnet", "one-host"],
)
def test_liars_around_a_key_do_not_hide_it(addresses: Sequence[Address]) -> None:
    """Neither those that took a /24, nor one host with many ports, become all of the K nearest: the key is announced
    among them, and every honest node finds it, as it does everything else."""
    overlay = honest_network(60)
    honest = overlay.alive
    besiege(overlay, addresses)
    honest[7].provide(KEY)
    honest[8].provide(STRANGER)
    overlay.run(10.0)
    lookups = [host.seek(key) for host in honest for key in (KEY, STRANGER)]
    overlay.run(20.0)
    assert all(lookup.peers and lookup.ended_s is not None for lookup in lookups)
