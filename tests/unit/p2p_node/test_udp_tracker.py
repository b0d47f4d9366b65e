"""Both real ends of the UDP tracker over a fake link with loss, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from network import Network

from p2p_node.discovery.registry import Registry
from p2p_node.discovery.udp_client import CONNECTION_S, MAX_RETRANSMISSIONS, UdpClient
from p2p_node.discovery.udp_server import MAX_DATAGRAM, UdpServer
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, AnnounceReply, Event
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import SwarmCounts
from p2p_node.wire.udp_tracker import (
    MAGIC,
    Connect,
    Connected,
    Refused,
    Request,
    Scrape,
    Scraped,
    decode_answer,
    encode_answer,
    encode_request,
)

HASH = b"h" * 20
CLIENT: Address = ("10.0.0.1", 6881)


def announce(number: int = 1, left: int = 1) -> Announce:
    return Announce(HASH, b"%020d" % number, 6000 + number, 0, 0, left, Event.STARTED, -1)


class Link:
    """A client and a server; `loses` says of each datagram whether it is lost."""

    def __init__(self, loses: Callable[[], bool] = lambda: False, source: Address = CLIENT) -> None:
        self.registry = Registry(60.0, Random(1))
        self.server = UdpServer(self.registry, b"secret")
        self.client = UdpClient(Random(2))
        self.loses = loses
        self.source = source
        self.requests = 0
        self.now = 1000.0

    def ask(self, question: Announce | Scrape) -> AnnounceReply | Scraped | None:
        """The answer, in virtual time; None when the client gave up."""
        self.client.ask(question, self.now)
        while True:
            answer = self._exchange()
            if answer is not None:
                return answer
            assert self.client.timer is not None
            self.now = self.client.timer
            if not self.client.tick(self.now):
                return None

    def _exchange(self) -> AnnounceReply | Scraped | None:
        answer = None
        while self.client.outgoing:
            self.requests += 1
            request = self.client.outgoing.pop(0)
            reply = None if self.loses() else self.server.answer(request, self.source, self.now)
            if reply is not None and not self.loses():
                answer = self.client.received(reply, ":" in self.source[0], self.now)
        return answer


def test_an_announce_connects_first_and_the_next_needs_not() -> None:
    """Two datagrams, then one while the connection id is good, then two again."""
    link = Link()
    assert isinstance(link.ask(announce()), AnnounceReply) and link.requests == 2
    link.ask(announce())
    assert link.requests == 3
    link.now += CONNECTION_S
    link.ask(announce())
    assert link.requests == 5


@given(st.lists(st.booleans(), max_size=MAX_RETRANSMISSIONS))
def test_no_pattern_of_up_to_eight_losses_stops_an_announce(losses: list[bool]) -> None:
    """Every retransmission is used, also across the end of a connection id, and the peer is registered once."""
    pattern = iter(losses)
    link = Link(lambda: next(pattern, False))
    reply = link.ask(announce())
    assert isinstance(reply, AnnounceReply) and link.registry.peer_count == 1


def test_a_dead_tracker_is_given_up_after_eight_retransmissions() -> None:
    """15·2ⁿ seconds each, n from 0 to 8."""
    link = Link(lambda: True)
    began = link.now
    assert link.ask(announce()) is None
    assert link.requests == 9 and link.now - began == sum(15 * 2**n for n in range(9))


def test_peers_of_the_asker_s_family_are_told() -> None:
    """In the longer form to who asks over IPv6."""
    link = Link(source=("fd00::1", 6881))
    link.registry.announce(announce(2), "fd00::2", link.now)
    link.registry.announce(announce(3), "10.0.0.3", link.now)
    reply = link.ask(announce())
    assert isinstance(reply, AnnounceReply) and reply.peers == (("fd00::2", 6002),)


def test_a_scrape_is_answered_in_order() -> None:
    """Also for a torrent nobody has."""
    link = Link()
    link.registry.announce(announce(2, left=0), "10.0.0.2", link.now)
    answer = link.ask(Scrape((b"?" * 20, HASH)))
    assert answer == Scraped((SwarmCounts(0, 0, 0), SwarmCounts(1, 0, 0)))


def test_an_id_is_good_for_two_minutes_and_not_for_another_address() -> None:
    """And nobody can make one up."""
    server = UdpServer(Registry(60.0, Random(1)), b"secret")
    datagram = server.answer(encode_request(Request(MAGIC, 1, Connect())), CLIENT, 59.0)
    assert datagram is not None
    connected = decode_answer(datagram)
    assert isinstance(connected, Connected)
    request = encode_request(Request(connected.connection, 2, announce()))

    def accepted(source: Address, now: float) -> bool:
        datagram = server.answer(request, source, now)
        return datagram is not None and isinstance(decode_answer(datagram), AnnounceReply)

    assert accepted(CLIENT, 59.0 + 120.0) and not accepted(CLIENT, 59.0 + 240.0)
    assert not accepted(("10.0.0.2", 6881), 60.0) and not accepted((CLIENT[0], 1), 60.0)


@given(st.binary(max_size=200) | st.binary(max_size=180).map(lambda data: MAGIC.to_bytes(8, "big") + data))
def test_who_has_not_connected_gets_no_more_bytes_than_it_sent(data: bytes) -> None:
    """A spoofed source cannot be flooded by way of the tracker."""
    answer = UdpServer(Registry(60.0, Random(1)), b"secret").answer(data, CLIENT, 0.0)
    assert answer is None or len(answer) <= len(data)


@pytest.mark.parametrize("host", ["10.0.{}.{}", "fd00::{:x}:{:x}"])
def test_an_answer_fits_a_datagram_that_no_path_fragments(host: str) -> None:
    """However many peers are wanted and known."""
    link = Link(source=(host.format(99, 99), 6881))
    for number in range(300):
        link.registry.announce(announce(number), host.format(number // 200, number % 200), link.now)
    request = Announce(HASH, b"%020d" % 999, 1, 0, 0, 1, Event.STARTED, 200)
    reply = link.ask(request)
    assert isinstance(reply, AnnounceReply)
    assert len(encode_answer(1, reply, ":" in host)) <= MAX_DATAGRAM and len(reply.peers) > 60


def test_strangers_datagrams_change_nothing() -> None:
    """Only who knows the transaction is heard."""
    client = UdpClient(Random(2))
    client.ask(announce(), 0.0)
    assert client.received(encode_answer(12345, Refused("go away")), False, 0.0) is None
    assert client.timer is not None


def test_after_a_refusal_the_client_connects_anew() -> None:
    """The connection id may be what the tracker did not like."""
    link = Link()
    link.ask(announce())
    link.server = UdpServer(link.registry, b"another secret, after a restart")
    with pytest.raises(ProtocolError, match="expired"):
        link.ask(announce())
    assert isinstance(link.ask(announce()), AnnounceReply)


@given(st.binary(max_size=100))
def test_hostile_answers_end_the_question_or_are_not_heard(body: bytes) -> None:
    """Behind a right transaction, whatever follows is an answer or a ProtocolError."""
    client = UdpClient(Random(2))
    client.ask(announce(), 0.0)
    transaction = client.outgoing[0][12:16]
    for action in range(5):
        try:
            client.received(action.to_bytes(4, "big") + transaction + body, False, 0.0)
        except ProtocolError:
            client.ask(announce(), 0.0)
            transaction = client.outgoing[-1][12:16]


@given(st.lists(st.booleans(), max_size=8))
def test_a_swarm_forms_over_a_lossy_udp_tracker(losses: list[bool]) -> None:
    """Whole nodes: whichever datagrams are lost at first, a leech finds the seed and completes."""
    content = bytes(range(256)) * 256
    network = Network(content, 16384, trackers=("udp://tracker:6969/announce",))
    pattern = iter(losses)
    network.datagram_lost = lambda: next(pattern, False)
    seed, leech = network.add(content), network.add()
    for peer in (seed, leech):
        peer.start()
    network.run(20_000.0, lambda: leech.completed_at is not None)
    assert leech.completed_at is not None and bytes(leech.content) == content


def test_each_event_reaches_the_tracker_once() -> None:
    """Started, completed, stopped: the tracker counts one download and forgets who left."""
    content = bytes(65536)
    network = Network(content, 16384, trackers=("udp://tracker:6969",))
    seed, leech = network.add(content), network.add()
    for peer in (seed, leech):
        peer.start()
    network.run(30.0)
    [counts] = network.registry.scrape([network.metainfo.info_hash]).values()
    assert counts == SwarmCounts(seeds=2, leeches=0, completed=1)
    leech.node.stop(network.now)
    leech.perform()
    network.run(40.0, lambda: leech.node.parted)
    assert leech.node.parted and network.registry.peer_count == 1
