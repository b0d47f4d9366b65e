"""Whom a node unchokes: everybody while they are few or its uplink idles, the best otherwise."""

from __future__ import annotations

from random import Random

from p2p_node.core.choker import LOOK_S, RECHOKE_S, SLOTS, Choker
from p2p_node.core.connection import Connection


def interested(count: int) -> list[Connection]:
    peers = [Connection(number, ("10.0.0.2", number), False, 0.0) for number in range(count)]
    for peer in peers:
        peer.peer_interested = True
    return peers


def test_nobody_is_choked_while_they_are_few() -> None:
    """And there is nothing to look at then."""
    choker, peers = Choker(Random(1), 0.0), interested(SLOTS)
    assert choker.choose(peers, True, 0.0) == set(peers)
    assert choker.timer is None


def test_who_loses_interest_is_choked_only_where_others_wait() -> None:
    """It may find some again the next moment, and asks at once then."""
    choker, peers = Choker(Random(1), 0.0), interested(SLOTS + 1)
    for peer in peers:
        peer.am_choking = False
    peers[0].peer_interested = False
    assert choker.choose(peers, True, 0.0) == set(peers)
    newcomer = Connection(SLOTS + 1, ("10.0.0.2", SLOTS + 1), False, 0.0)
    assert choker.choose([*peers, newcomer], True, 0.0) == set(peers)
    newcomer.peer_interested = True
    assert peers[0] not in choker.choose([*peers, newcomer], True, 0.0)


def test_an_uplink_that_idles_gets_more_to_do() -> None:
    """Peers are not choked for nothing: twice as many are served at each look, until all are or the uplink is busy."""
    choker, peers = Choker(Random(1), 0.0), interested(3 * SLOTS)
    assert len(choker.choose(peers, True, 0.0)) == SLOTS
    assert choker.timer is not None
    assert choker.look(True, LOOK_S)
    assert len(choker.choose(peers, True, LOOK_S)) == 2 * SLOTS
    assert choker.look(True, 2 * LOOK_S)
    assert len(choker.choose(peers, True, 2 * LOOK_S)) == 3 * SLOTS


def test_an_uplink_that_stays_busy_serves_fewer_again() -> None:
    """A quarter less each round, as merit counts for nothing where everybody is served."""
    choker, peers = Choker(Random(1), 0.0), interested(5 * SLOTS)
    choker.choose(peers, True, 0.0)
    assert not choker.look(True, LOOK_S / 2)  # nobody has had time to ask for anything
    choker.look(True, LOOK_S)
    choker.choose(peers, True, LOOK_S)
    assert not choker.look(False, RECHOKE_S / 2)
    counts = []
    for turn in range(1, 6):
        now = turn * RECHOKE_S + LOOK_S
        choker.look(False, now)
        counts.append(len(choker.choose(peers, True, now)))
    assert counts == [96, 72, SLOTS, SLOTS, SLOTS]


def test_a_fixed_number_of_slots_stays_fixed() -> None:
    """Whatever the uplink does."""
    choker, peers = Choker(Random(1), 0.0, slots=2), interested(5)
    assert len(choker.choose(peers, True, 0.0)) == 2
    assert choker.timer is None


def test_the_best_are_served_and_one_by_chance() -> None:
    """A leech looks at what they give."""
    choker, peers = Choker(Random(1), 0.0, slots=3), interested(10)
    for number in (4, 7):
        peers[number].download.add(1000, 1.0)
    chosen = choker.choose(peers, False, 1.0)
    assert {peers[4], peers[7]} < chosen and len(chosen) == 3
