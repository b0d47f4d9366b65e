"""Peer exchange: swarms find themselves without a tracker, and nobody can abuse that."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from network import FakePeer, Network
from scripted import ScriptedPeers

from p2p_node.boundary import Close, Dial, Send
from p2p_node.core.company import FORMING_S
from p2p_node.core.dialer import MAX_HALF_OPEN, MAX_KNOWN, Dialer
from p2p_node.core.node import Node
from p2p_node.core.peer_exchange import (
    BURST,
    CROWD,
    FEW,
    GATHER_S,
    INTERVAL_S,
    LATER,
    MAX_REFUSED,
    MAX_TAKEN,
    MAX_TOLD,
    PLENTY,
    SPREAD_S,
    PeerExchange,
)
from p2p_node.core.priority import priority
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.address import pack_address
from p2p_node.wire.extension import OWN_NUMBERS, Extension, ExtensionHandshake
from p2p_node.wire.messages import Extended, KeepAlive
from p2p_node.wire.pex import Gossip, Trait

LONGEST_S = INTERVAL_S * (1 + LATER)
"""After a message to a peer its next news comes by then, where no more than CROWD are there."""

CONTENT = bytes(range(256)) * 800
TOLD_S = GATHER_S + SPREAD_S
"""After which every partner was told the news."""

hosts = st.integers(1, (1 << 24) - 2).map(lambda low: f"10.{low >> 16}.{low >> 8 & 255}.{low & 255}")


def hears(bench: ScriptedPeers, connection: int) -> list[Gossip]:
    """The gossip sent on this connection since last asked."""
    return [Gossip.decode(message.payload) for message in bench.extended(connection) if message.number == 1]


def partner(bench: ScriptedPeers, connection: int, port: int = 6881) -> None:
    bench.connect(connection, f"10.0.1.{connection}")
    bench.say(connection, Extended(0, ExtensionHandshake({Extension.PEX: 1}, port=port).encode()))


def live(bench: ScriptedPeers, partners: int, until: float) -> None:
    """Let time pass in which every partner shows that it is still there."""
    while bench.now < until:
        for connection in range(1, partners + 1):
            bench.say(connection, KeepAlive())
        bench.tick(min(bench.now + INTERVAL_S, until))


def pex(*hosts_and_ports: tuple[str, int]) -> Extended:
    gossip = Gossip({pack_address(address): Trait(0) for address in hosts_and_ports})
    return Extended(OWN_NUMBERS[Extension.PEX], gossip.encode())


def met(peer: FakePeer) -> set[str]:
    return {other.address[0] for other, _ in peer.links.values()}


def test_a_swarm_without_tracker_finds_itself() -> None:
    """Each peer knows the one before it in a chain; soon everybody is connected to everybody, and all complete."""
    network = Network(CONTENT, 16384, trackers=())
    peers = [network.add(CONTENT, block_s=0.3), *(network.add(block_s=0.3) for _ in range(4))]
    for peer in peers:
        peer.start()
    for one, other in pairwise(peers):
        other.node.learn([one.address], network.now)
        other.perform()
    network.run(3.0)
    for peer in peers:
        assert met(peer) == {other.address[0] for other in peers if other is not peer}
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in peers[1:]))
    assert all(bytes(peer.content) == CONTENT for peer in peers)


def test_a_private_torrents_peers_are_not_gossiped_about() -> None:
    """The same chain of a private torrent stays a chain (BEP 27)."""
    network = Network(CONTENT, 16384, trackers=())
    network.metainfo = replace(network.metainfo, private=True)
    peers = [network.add(CONTENT, block_s=0.3), network.add(block_s=0.3), network.add(block_s=0.3)]
    for peer in peers:
        peer.start()
    for one, other in pairwise(peers):
        other.node.learn([one.address], network.now)
        other.perform()
    network.run(3.0)
    assert met(peers[0]) == {peers[1].address[0]}
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in peers[1:]))
    assert met(peers[2]) <= {peers[1].address[0]}


def test_the_first_news_comes_at_once_and_the_next_a_minute_later() -> None:
    """Two messages to one peer are never closer than BEP 11 allows; departures are told, too."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    partner(bench, 2)
    bench.tick(TOLD_S)
    (first,) = hears(bench, 1)
    assert first.added == {pack_address(("10.0.1.2", 6881)): Trait(0)}
    partner(bench, 3)
    bench.disconnect(2)
    for second in range(1, int(INTERVAL_S)):
        bench.tick(float(second))
    assert hears(bench, 1) == []
    bench.tick(LONGEST_S + TOLD_S)
    (second_message,) = hears(bench, 1)
    assert second_message.added == {pack_address(("10.0.1.3", 6881)): Trait(0)}
    assert second_message.dropped == (pack_address(("10.0.1.2", 6881)),)


def test_a_crowds_further_news_is_spread_over_time() -> None:
    """Who told all its peers at once, when it came, does not tell them all at once a minute later."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    bench.tick(FORMING_S)
    for connection in range(2, 21):
        partner(bench, connection)
    bench.tick(FORMING_S + TOLD_S)
    assert all(hears(bench, connection) for connection in range(1, 21))
    partner(bench, 21)
    crowdedness = 20 / CROWD
    live(bench, 21, FORMING_S + TOLD_S + crowdedness * (INTERVAL_S + LONGEST_S) / 2)
    told = sum(bool(hears(bench, connection)) for connection in range(1, 21))
    assert 5 <= told <= 15
    live(bench, 21, FORMING_S + TOLD_S + crowdedness * LONGEST_S)
    assert told + sum(bool(hears(bench, connection)) for connection in range(1, 21)) == 20


def test_a_message_has_a_bounded_number_of_addresses() -> None:
    """What does not fit waits for the next."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    bench.tick(FORMING_S)
    for connection in range(2, MAX_TOLD + 12):
        partner(bench, connection)
    bench.tick(FORMING_S + TOLD_S)
    (first,) = hears(bench, 1)
    live(bench, MAX_TOLD + 11, FORMING_S + TOLD_S + (MAX_TOLD + 11) / CROWD * LONGEST_S)
    (second,) = hears(bench, 1)
    assert len(first.added) == MAX_TOLD
    assert len(first.added | second.added) == MAX_TOLD + 10


def test_only_peers_whose_listening_address_is_known_are_told() -> None:
    """The port that an incoming connection comes from is of no use to others."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    bench.connect(2, "10.0.1.2")
    bench.say(2, Extended(0, ExtensionHandshake({Extension.PEX: 1}).encode()))
    bench.tick(TOLD_S)
    assert hears(bench, 1) == []
    assert list(hears(bench, 2)[0].added) == [pack_address(("10.0.1.1", 6881))]


def test_an_extension_that_was_switched_off_is_not_spoken() -> None:
    """A later handshake with number 0 ends an extension (BEP 10)."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    partner(bench, 2)
    bench.say(1, Extended(0, ExtensionHandshake({Extension.PEX: 0}).encode()))
    bench.tick(TOLD_S)
    assert hears(bench, 1) == []


def test_addresses_told_are_dialled_but_for_those_that_cannot_be() -> None:
    """Port 0, this node itself, multicast, any, broadcast, loopback from elsewhere and the other family are dropped."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    bench.say(
        1,
        pex(
            ("10.9.9.9", 1),
            ("10.9.9.8", 0),
            bench.address,
            ("224.0.0.1", 1),
            ("0.0.0.0", 1),
            ("255.255.255.255", 1),
            ("127.0.0.1", 1),
            ("169.254.1.1", 1),
            ("fe80::1", 1),
            ("2001:db8::1", 1),
        ),
    )
    assert [effect.address for effect in bench.take(Dial)] == [("10.9.9.9", 1)]


def test_few_addresses_are_taken_from_one_message() -> None:
    """However many it has."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    bench.say(1, pex(*((f"10.9.{index >> 8}.{index & 255}", 1) for index in range(1, 900))))
    dialled = 0
    while dials := bench.take(Dial):
        dialled += len(dials)
        for dial in dials:
            for _ in range(10):
                bench.node.dial_failed(dial.address, bench.now)
        bench.tick(bench.now + 0.001)
    assert dialled == MAX_TAKEN


def test_who_has_heard_of_plenty_reads_a_few_more_of_everybody() -> None:
    """And seeds whoever names them: no one can fill the room that others' addresses have."""
    bench = ScriptedPeers(CONTENT)
    for connection in (1, 2):
        partner(bench, connection)
    exchange = PeerExchange(bench.address, bench.node.swarm.connections, lambda *_: None, Random(1))
    first, second = bench.node.swarm.connections.values()
    for peer in (first, second):
        exchange.joined(peer, 0.0)
    exchange.received(first, pex(*((f"10.9.0.{index}", 1) for index in range(1, PLENTY + 1))).payload, 0.0)
    assert len(exchange.take_found()) == PLENTY
    told = {pack_address((f"10.9.1.{index}", 1)): Trait.SEED if index == 9 else Trait(0) for index in range(1, 41)}
    exchange.received(second, Gossip(told).encode(), 1.0)
    found = exchange.take_found()
    assert len(found) == FEW + 1 and found["10.9.1.9", 1]
    exchange.received(second, Gossip(told).encode(), INTERVAL_S + 1.0)
    assert len(exchange.take_found()) == 40


def test_a_peer_that_floods_is_ignored_and_then_closed() -> None:
    """A little too much is tolerated, more is not read, much more ends the connection."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1)
    for index in range(BURST + MAX_REFUSED):
        bench.say(1, pex((f"10.8.0.{index + 1}", 1)))
    assert len(bench.take(Dial)) == BURST
    assert bench.take(Close) == []
    bench.say(1, pex(("10.8.1.1", 1)))
    assert [effect.reason for effect in bench.take(Close)] == ["floods with peer exchange"]


@pytest.mark.parametrize(
    ("one", "other", "rank"),
    [
        (("123.213.32.10", 1), ("98.76.54.32", 2), 0xEC2D7224),
        (("123.213.32.10", 1), ("123.213.32.234", 2), 0x99568189),
    ],
)
def test_priorities_are_those_of_bep_40(one: tuple[str, int], other: tuple[str, int], rank: int) -> None:
    """The two vectors that the BEP publishes, from both ends."""
    assert priority(one, other) == priority(other, one) == rank


@given(hosts, hosts, st.integers(1, 65535), st.integers(1, 65535))
def test_both_ends_rank_a_connection_alike(one: str, other: str, port: int, other_port: int) -> None:
    """Whatever the addresses."""
    assert priority((one, port), (other, other_port)) == priority((other, other_port), (one, port))


def test_the_dialler_keeps_and_dials_the_addresses_of_highest_priority() -> None:
    """However many it is told of: memory is bounded, and whoever floods it with addresses cannot choose which stay.

    Only the one known longest goes first whatever its priority.
    """
    own, rng = ("10.0.0.1", 6881), Random(1)
    addresses = [(f"10.{rng.randrange(256)}.{rng.randrange(256)}.9", port) for port in range(1, 2 * MAX_KNOWN)]
    dialer = Dialer(own)
    dialer.learn(addresses)
    oldest, *others = addresses
    best = sorted(others, key=lambda address: priority(own, address), reverse=True)[: MAX_KNOWN - 1]
    kept, dialled = [oldest, *best], 0
    while chosen := dialer.next(set(), 1000, 0.0):
        expected, kept = kept[:MAX_HALF_OPEN], kept[MAX_HALF_OPEN:]
        assert set(chosen) == set(expected)
        dialled += len(chosen)
        for address in chosen:
            dialer.succeeded(address)
    assert dialled == MAX_KNOWN


def test_an_address_that_is_connected_meanwhile_is_not_dialled() -> None:
    """Also when the peer dialled us, and said where it listens."""
    bench = ScriptedPeers(CONTENT)
    partner(bench, 1, port=7000)
    assert isinstance(bench.node, Node)
    bench.node.learn([("10.0.1.1", 7000), ("10.0.1.9", 7000)], bench.now)
    bench.tick(bench.now)
    assert [effect.address for effect in bench.take(Dial)] == [("10.0.1.9", 7000)]


def test_sends_carry_the_numbers_that_the_receiver_chose() -> None:
    """Each peer has its own."""
    bench = ScriptedPeers(CONTENT)
    for connection, number in ((1, 7), (2, 200)):
        bench.connect(connection, f"10.0.1.{connection}")
        bench.say(connection, Extended(0, ExtensionHandshake({Extension.PEX: number}, port=1).encode()))
    bench.tick(TOLD_S)
    numbers = {
        effect.connection: effect.message.number
        for effect in bench.take(Send)
        if isinstance(effect.message, Extended) and effect.message.number
    }
    assert numbers == {1: 7, 2: 200}


def test_who_knows_no_seed_dials_one_that_it_hears_of() -> None:
    """Although it has enough connections: where peers find one another before they find the seed, most would else never
    come to know it. Who is connected to one dials no further."""
    bench = ScriptedPeers(CONTENT)
    enough = SwarmSettings().enough_connections
    for connection in range(1, enough + 1):
        partner(bench, connection)
    seed, other = ("10.0.7.1", 6881), ("10.0.7.2", 6881)
    gossip = Gossip({pack_address(seed): Trait.SEED, pack_address(other): Trait(0)})
    bench.say(1, Extended(OWN_NUMBERS[Extension.PEX], gossip.encode()))
    assert [dial.address for dial in bench.take(Dial)] == [seed]
    bench.say(2, Extended(0, ExtensionHandshake(upload_only=True).encode()))
    bench.say(3, Extended(OWN_NUMBERS[Extension.PEX], Gossip({pack_address(("10.0.7.3", 1)): Trait.SEED}).encode()))
    assert bench.take(Dial) == []
