"""A crowd that forms: each dials half of what is enough, and no more before its dials are answered."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from p2p_node.boundary import Close, Dial
from p2p_node.core.admission import HANDSHAKE_S
from p2p_node.core.choker import RECHOKE_S
from p2p_node.core.company import FORMING_S, LATE
from p2p_node.core.dialer import ANSWER_S, LAGS, PROMISING, Dialer
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.announce import Address
from p2p_node.wire.handshake import Handshake
from tests.scripted import ScriptedPeers

CONTENT = Random(1).randbytes(100_000)
CROWD: Sequence[Address] = [(f"10.0.1.{last}", 6881) for last in range(60)]
HALF = SwarmSettings().enough_connections // 2


class Newcomer(ScriptedPeers):
    """A node in a crowd, whose dials all become connections at once, but are answered only when `answer` says so."""

    def __init__(self) -> None:
        super().__init__(CONTENT)
        self.dialled: list[Address] = []

    def pass_time(self, seconds: float) -> int:
        """Let time pass in small steps; returns for how many connections it has dialled by then."""
        until = self.now + seconds
        while self.now < until:
            self.live(min(self.now + 0.1, until))
            self.connect_dialled()
        return len(self.dialled)

    def connect_dialled(self) -> None:
        for close in self.take(Close):
            self.disconnect(close.connection)
        while dials := self.take(Dial):
            for dial in dials:
                self.dialled.append(dial.address)
                self.node.connected(len(self.dialled), dial.address, True, self.now)
                self._collect()

    def answer(self, connections: range) -> None:
        """Those shake hands that were dialled first, second, …"""
        for connection in connections:
            shake = Handshake(self.metainfo.info_hash, b"-XX0000-%012d" % connection, fast=True)
            self.node.shaken_hands(connection, shake, self.now)
            self._collect()


def test_forming_begins_when_a_peer_first_knows_of_others() -> None:
    """A busy tracker answers after seconds: who then dials for all it wants is dialled by as many at the same time."""
    late = Newcomer()
    late.live(4 * FORMING_S)
    late.node.learn(CROWD, late.now)
    assert late.pass_time(FORMING_S / 2) == HALF
    late.answer(range(1, HALF + 1))
    assert late.pass_time(FORMING_S / 4) == HALF
    assert late.pass_time(FORMING_S) > HALF


def test_who_is_not_answered_does_not_dial_on() -> None:
    """Where connections are made but nobody gets to speak, others only add to what keeps them from it."""
    newcomer = Newcomer()
    newcomer.node.learn(CROWD, newcomer.now)
    assert newcomer.pass_time(HANDSHAKE_S / 2) == HALF
    newcomer.answer(range(1, HALF // 2))
    assert newcomer.pass_time(1.0) == HALF
    newcomer.answer(range(HALF // 2, HALF // 2 + 2))
    assert newcomer.pass_time(1.0) > HALF


def test_who_is_never_answered_dials_others_in_the_end() -> None:
    """Peers that never shake hands hold a newcomer up, but not for long."""
    newcomer = Newcomer()
    newcomer.node.learn(CROWD, newcomer.now)
    assert newcomer.pass_time(3 * HANDSHAKE_S) >= 2 * HALF


def test_who_was_late_leaves_the_rest_to_those_who_dial_it() -> None:
    """They may be waiting here already."""
    busy = Newcomer()
    busy.node.learn(CROWD, busy.now)
    busy.pass_time(FORMING_S / 2)
    busy.answer(range(1, HALF + 1))
    late_s = 2.0
    busy.tick(FORMING_S + late_s)
    assert busy.pass_time(LATE * late_s - 0.2) == HALF
    assert busy.pass_time(RECHOKE_S) > HALF


def test_a_dial_may_bring_a_peer_until_it_was_waited_for_long_enough() -> None:
    """Nobody takes the call at a dead address, where a busy peer's system does."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn(CROWD)
    dead, busy, *_ = dialer.next(set(), 4, 0.0)
    assert dialer.unanswered(0.0) == 2
    dialer.connected(busy)
    assert dialer.unanswered(PROMISING * ANSWER_S) == 1
    dialer.succeeded(busy)
    dialer.failed(dead, 10.0)
    assert dialer.unanswered(10.0) == 0


def test_who_was_late_waits_longer_for_answers() -> None:
    """They may lie in sockets that it has not looked at."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn(CROWD)
    dialer.lagged(2.0)
    assert len(dialer.next(set(), 8, 0.0)) == 4
    assert dialer.next(set(), 8, ANSWER_S + 1.9 * LAGS) == []
    assert len(dialer.next(set(), 8, ANSWER_S + 2.0 * LAGS)) == 4
    for _ in range(8):
        dialer.lagged(0.0)
    assert len(dialer.next(set(), 8, ANSWER_S + 2.0 * LAGS + 2 * ANSWER_S)) == 4
