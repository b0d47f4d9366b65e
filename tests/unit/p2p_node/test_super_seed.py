"""BEP 16: the super-seeding seed against scripted peers, and in whole swarms."""

from __future__ import annotations

from random import Random

import pytest

from p2p_node.boundary import Send
from p2p_node.core.connection import Connection
from p2p_node.core.node import Node
from p2p_node.core.rarity import Rarity
from p2p_node.core.super_seed import PATIENCE_S, SuperSeed
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import BLOCK, Message
from tests.network import Network, make_torrent

PIECES = 6
CONTENT = Random(16).randbytes(PIECES * BLOCK)
SUPER = SwarmSettings(super_seed=True)


class Seed:
    """A super-seeding core with peers 1 and 2."""

    def __init__(self, peers: int = 2, fast: bool = True) -> None:
        self.metainfo = make_torrent(CONTENT, BLOCK)
        have = (1 << PIECES) - 1
        self.node = Node(self.metainfo, b"-SB0100-own-own-own-", ("10.0.0.1", 6881), have, SUPER, Random(1), 0.0)
        self.told: dict[int, list[Message]] = {}
        for number in range(1, peers + 1):
            self.node.connected(number, (f"10.0.0.{number + 1}", 6881), False, 0.0)
            shake = Handshake(self.metainfo.info_hash, b"-XX0000-peer-%07d" % number, fast=fast)
            self.node.shaken_hands(number, shake, 0.0)
            self.hear(number, *([wire.HaveNone()] if fast else []))

    def hear(self, number: int, *said: Message, at: float = 1.0) -> None:
        self.node.received(number, said, at)
        self.collect()

    def collect(self) -> None:
        for effect in self.node.take_effects():
            if isinstance(effect, Send) and isinstance(effect.message, wire.Message):
                self.told.setdefault(effect.connection, []).append(effect.message)

    def offered(self, number: int) -> list[int]:
        told = self.told.get(number, [])
        return [piece for message in told if isinstance(message, wire.Haves) for piece in message.pieces]


def test_it_poses_as_a_peer_with_nothing_and_offers_each_another_piece() -> None:
    """One piece a peer, different ones."""
    seed = Seed()
    assert wire.HaveNone() in seed.told[1] and wire.HaveAll() not in seed.told[1]
    assert len(seed.offered(1)) == len(seed.offered(2)) == 1
    assert seed.offered(1) != seed.offered(2)


def test_the_next_piece_comes_when_the_first_was_seen_elsewhere() -> None:
    """Having fetched it is not enough: the peer must have passed it on."""
    seed = Seed()
    first = seed.offered(1)[0]
    seed.hear(1, wire.Have(first))
    assert seed.offered(1) == [first]
    seed.hear(2, wire.Have(first))
    assert len(seed.offered(1)) == 2


def test_a_peer_alone_need_not_pass_on() -> None:
    """There is nobody else: fetching a piece is enough for the next, to the last."""
    seed = Seed(peers=1)
    for step in range(PIECES):
        assert len(seed.offered(1)) == step + 1
        seed.hear(1, wire.Have(seed.offered(1)[-1]))
    assert sorted(seed.offered(1)) == list(range(PIECES))


def test_a_peer_that_does_nothing_holds_its_piece_for_a_while_only() -> None:
    """It is offered another when patience ends."""
    seed = Seed()
    now = 0.0
    while now < PATIENCE_S + 20:
        now += 10.0
        seed.node.tick(now)
    seed.collect()
    assert len(seed.offered(1)) > 1


@pytest.mark.parametrize("began", [0.5, 22.169166627303504, 43.27670679050534])
def test_its_timer_is_never_due_in_vain(began: float) -> None:
    """At its own time it expires what is due, however times are rounded: else it would be due for ever."""
    connections: dict[int, Connection] = {}
    peer = connections[1] = Connection(1, ("10.0.0.2", 6881), False, began)
    seed = SuperSeed(PIECES, Rarity(PIECES), connections, Random(1))
    seed.to_reveal(peer, began)
    assert seed.timer is not None
    seed.expire(seed.timer)
    assert seed.timer is None


def test_it_ends_when_every_piece_is_out() -> None:
    """From then on it is an ordinary seed, also when the only copies leave again."""
    seed = Seed()
    seed.hear(1, *[wire.Have(piece) for piece in range(PIECES)])
    seed.node.tick(2.0)
    seed.collect()
    assert sorted(seed.offered(2)) == list(range(PIECES))
    seed.node.disconnected(1, 2.0)
    seed.node.connected(9, ("10.0.0.9", 6881), False, 3.0)
    seed.node.shaken_hands(9, Handshake(seed.metainfo.info_hash, b"-XX0000-a-late-peer-"), 3.0)
    seed.collect()
    assert sorted(seed.offered(9)) == list(range(PIECES))


def test_a_peer_without_the_fast_extension_is_told_nothing_but_its_piece() -> None:
    """BEP 3 says nothing for nothing."""
    seed = Seed(fast=False)
    told = [message for message in seed.told[1] if not isinstance(message, wire.Extended)]
    assert told == [wire.Haves((seed.offered(1)[0],))]


@pytest.mark.parametrize("leeches", [1, 2, 8])
def test_a_swarm_completes_and_the_seed_sends_little_more_than_a_copy(leeches: int) -> None:
    """BEP 16 speaks of 105 % of the data before others become seeds."""
    content = Random(3).randbytes(100 * BLOCK)
    network = Network(content, BLOCK, seed=3, settings=SUPER)
    seed = network.add(content, block_s=0.01)
    seed.start()
    peers = [network.add(block_s=0.002) for _ in range(leeches)]
    for peer in peers:
        peer.start()
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in peers))
    assert all(bytes(peer.content) == content for peer in peers)
    assert len(seed.sent_blocks) <= 1.1 * 100
