"""A thrifty seed against scripted peers: what it tells whom, and that its thrift keeps nobody waiting."""

from __future__ import annotations

from random import Random

import pytest

from p2p_node.boundary import Close, Send
from p2p_node.core.choker import SLOTS
from p2p_node.core.connection import CHANGES
from p2p_node.core.first_copies import LOOK_S, SENT_S, SLOW_S
from p2p_node.core.node import GREETING_S, INTEREST_S, Node
from p2p_node.core.possessions import REVEAL_S
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import BLOCK, Message
from tests.network import make_torrent

PIECES = 64
CONTENT = Random(12).randbytes(PIECES * BLOCK)


class Seed:
    """A thrifty seed's core, and interested peers that have nothing."""

    def __init__(self, peers: int = 2, settings: SwarmSettings | None = None) -> None:
        self.metainfo = make_torrent(CONTENT, BLOCK)
        have, own = (1 << PIECES) - 1, ("10.0.0.1", 6881)
        self.node = Node(self.metainfo, b"-SB0100-own-own-own-", own, have, settings or SwarmSettings(), Random(1), 0.0)
        self.told: dict[int, list[int]] = {}
        self.suggested: dict[int, list[int]] = {}
        self.closed: dict[int, str] = {}
        for number in range(1, peers + 1):
            self.join(number, 0.0)

    def dial_in(self, number: int, now: float) -> None:
        self.node.connected(number, (f"10.0.1.{number}", 6881), False, now)
        self.collect()

    def join(self, number: int, now: float) -> None:
        self.dial_in(number, now)
        self.node.shaken_hands(number, Handshake(self.metainfo.info_hash, b"-XX0000-peer-%07d" % number), now)
        self.hear(number, wire.HaveNone(), wire.Interested(), now=now)

    def hear(self, number: int, *said: Message, now: float) -> None:
        self.node.received(number, said, now)
        self.collect()

    def ask(self, number: int, *pieces: int, now: float) -> None:
        for piece in pieces:
            self.hear(number, wire.Request(piece, 0, BLOCK), now=now)

    def serve(self, now: float) -> None:
        """Send everything that was asked for, at once."""
        while (upload := self.node.next_upload(1 << 20, now)) is not None:
            self.node.drained(upload.connection, now)
        self.collect()

    def tick(self, now: float) -> None:
        self.node.tick(now)
        self.collect()

    def collect(self) -> None:
        for effect in self.node.take_effects():
            if isinstance(effect, Close):
                self.closed[effect.connection] = effect.reason
            elif isinstance(effect, Send) and isinstance(effect.message, wire.Haves):
                self.told.setdefault(effect.connection, []).extend(effect.message.pieces)
            elif isinstance(effect, Send) and isinstance(effect.message, wire.Suggest):
                self.suggested.setdefault(effect.connection, []).append(effect.message.piece)


def test_each_peer_is_told_of_pieces_of_its_own() -> None:
    """One more for each that it asks for."""
    seed = Seed()
    assert [len(seed.told[peer]) for peer in (1, 2)] == [1, 1]
    for _ in range(5):
        for peer in (1, 2):
            seed.ask(peer, seed.told[peer][-1], now=0.1)
            seed.serve(0.1)
    assert len(seed.told[1]) > 5 and not set(seed.told[1]) & set(seed.told[2])


def test_copies_that_arrived_are_told_together() -> None:
    """But at once to whoever knows of nothing else to ask for."""
    seed = Seed()
    while sum(map(len, seed.told.values())) < PIECES:
        for peer in (1, 2):
            seed.ask(peer, seed.told[peer][-1], now=0.1)
            seed.serve(0.1)
    mine, others = set(seed.told[1]), list(seed.told[2])
    for piece in others[:3]:
        seed.hear(2, wire.Have(piece), now=0.2)
    assert set(seed.told[1]) == mine
    seed.tick(0.2 + REVEAL_S)
    assert set(seed.told[1]) == mine | set(others[:3])
    seed.ask(1, *seed.told[1], now=3.0)
    seed.hear(2, wire.Have(others[3]), now=3.1)
    assert seed.told[1][-1] == others[3]


def test_a_client_that_looks_once_a_second_is_told_of_ever_more() -> None:
    """It gets everything in a few of its looks, instead of a piece in each."""
    seed = Seed(peers=1)
    done: set[int] = set()
    looks = 0
    while len(done) < PIECES:
        looks += 1
        assert looks < 12
        new = [piece for piece in seed.told[1] if piece not in done]
        seed.hear(1, *map(wire.Have, done), now=float(looks))
        seed.ask(1, *new, now=float(looks))
        seed.serve(float(looks))
        done.update(new)


def test_a_peer_that_asks_for_more_than_it_gets_is_told_of_no_more() -> None:
    """What waits for a slow peer others could have."""
    seed = Seed(peers=1)
    for step in range(PIECES):
        seed.ask(1, seed.told[1][-1], now=step / 100)
    assert len(seed.told[1]) < 5


@pytest.mark.parametrize(("sent", "overdue_s"), [(False, SLOW_S), (True, SENT_S)])
def test_what_a_slow_peer_holds_goes_to_one_that_waits(sent: bool, overdue_s: float) -> None:
    """In a second where it was not sent yet, in three where it was: a peer may tell late of what it got."""
    seed = Seed()
    held = seed.told[1][0]
    if sent:
        seed.ask(1, held, now=0.0)
        seed.serve(0.0)
        held = seed.told[1][0]
    now = 0.0
    while held not in seed.told[2]:
        now += LOOK_S
        assert now < overdue_s + 1
        for piece in seed.told[2]:
            seed.ask(2, piece, now=now)
            seed.serve(now)
            seed.hear(2, wire.Have(piece), now=now)
        seed.tick(now)
    assert now >= overdue_s


def test_what_choked_peers_were_told_goes_to_those_who_may_ask() -> None:
    """They are told of a piece before they are interested, and choked when too many are: nobody waits for that."""
    seed = Seed(peers=4, settings=SwarmSettings(slots=2))
    served = [number for number, peer in seed.node.swarm.connections.items() if not peer.am_choking]
    assert len(served) == 2
    asked: set[int] = set()
    now = 0.0
    while len(asked) < PIECES:
        now += LOOK_S
        assert now < 3 * SLOW_S, f"{PIECES - len(asked)} pieces are kept from everybody"
        while new := [(number, piece) for number in served for piece in seed.told[number] if piece not in asked]:
            for number, piece in new:
                asked.add(piece)
                seed.ask(number, piece, now=now)
                seed.serve(now)
                seed.hear(number, wire.Have(piece), now=now)
        seed.tick(now)


def test_what_was_asked_for_before_it_was_choked_goes_to_others() -> None:
    """Its requests are refused then, so the piece is not on its way."""
    seed = Seed(peers=SLOTS)
    seed.serve(0.0)
    for number in range(1, SLOTS + 1):
        seed.ask(number, *seed.told.get(number, ())[:1], now=0.1)
    seed.join(SLOTS + 1, 0.2)
    (choked,) = [peer for peer in seed.node.swarm.connections.values() if peer.am_choking]
    assert not choked.assigned & choked.requested
    seed.tick(0.2 + SLOW_S)
    assert not choked.assigned


def test_a_piece_that_only_one_peer_may_pass_on_is_suggested_to_it() -> None:
    """Else it may first ask for any of those that it knows of, and the others wait for the only copy."""
    seed = Seed(peers=1)
    assert seed.suggested[1] == seed.told[1]


def test_who_does_nothing_makes_room_for_another() -> None:
    """First those that never said who they are, then those of no interest to either side; never one that wants
    something."""
    seed = Seed(peers=1, settings=SwarmSettings(max_connections=3))
    seed.dial_in(2, 0.0)
    seed.join(3, 0.0)
    seed.hear(3, wire.NotInterested(), now=0.0)
    seed.dial_in(4, GREETING_S / 2)
    assert seed.closed == {4: "too many connections"}
    seed.join(5, GREETING_S)
    assert seed.closed[2] == "makes room for another"
    seed.join(6, INTEREST_S)
    assert seed.closed[3] == "makes room for another"
    seed.join(7, INTEREST_S)
    assert seed.closed[7] == "too many connections"


def test_who_changes_its_mind_without_end_is_closed() -> None:
    """Each change makes us think about whom to serve."""
    seed = Seed(peers=1)
    seed.hear(1, *[wire.NotInterested(), wire.Interested()] * CHANGES, now=0.1)
    assert seed.closed == {1: "changes its mind too often"}
