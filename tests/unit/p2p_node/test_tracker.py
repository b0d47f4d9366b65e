"""The tracker's memory."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.discovery.registry import MAX_PEERS_PER_HOST, MAX_WANTED, Registry
from p2p_node.wire.announce import Announce, Event
from p2p_node.wire.scrape import SwarmCounts

HASH = b"h" * 20


def announce(number: int, left: int = 1, event: Event = Event.STARTED, wanted: int = -1) -> Announce:
    return Announce(HASH, b"%020d" % number, 1000 + number, 0, 0, left, event, wanted)


def test_peers_are_told_of_each_other_not_of_themselves() -> None:
    """The second peer learns of the first, with the address the tracker saw."""
    registry = Registry(60.0, Random(1))
    assert registry.announce(announce(1), "10.0.0.1", 0.0).peers == ()
    assert registry.announce(announce(2), "10.0.0.2", 0.0).peers == (("10.0.0.1", 1001),)


def test_seeds_are_not_told_of_seeds() -> None:
    """Two peers that have everything have nothing to say to each other."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1, left=0), "10.0.0.1", 0.0)
    reply = registry.announce(announce(2, left=0, event=Event.REGULAR), "10.0.0.2", 0.0)
    assert reply.peers == () and reply.seeds == 2


def test_whoever_starts_is_told_of_seeds_whatever_is_left() -> None:
    """aria2 announces left=0 while it knows only a magnet link."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1, left=0), "10.0.0.1", 0.0)
    reply = registry.announce(announce(2, left=0, event=Event.STARTED), "10.0.0.2", 0.0)
    assert len(reply.peers) == 1


def test_a_stopped_peer_is_forgotten() -> None:
    """Goodbye is heard."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1), "10.0.0.1", 0.0)
    registry.announce(announce(1, event=Event.STOPPED), "10.0.0.1", 1.0)
    assert registry.peer_count == 0


def test_a_silent_peer_is_forgotten() -> None:
    """A peer that stops announcing is not handed out for ever."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1), "10.0.0.1", 0.0)
    assert registry.announce(announce(2), "10.0.0.2", 400.0).peers == ()


def test_a_client_that_announces_every_five_minutes_is_not_forgotten() -> None:
    """As libtorrent does, however much shorter the tracker's interval is."""
    registry = Registry(30.0, Random(1))
    registry.announce(announce(1), "10.0.0.1", 0.0)
    assert registry.announce(announce(2), "10.0.0.2", 305.0).peers == (("10.0.0.1", 1001),)


@pytest.mark.parametrize(("wanted", "given"), [(-1, 50), (0, 0), (7, 7), (10_000, MAX_WANTED)])
def test_no_more_peers_are_given_than_wanted_and_sensible(wanted: int, given: int) -> None:
    """The answer is bounded by the wish and by the tracker's own limit."""
    registry = Registry(60.0, Random(1))
    for number in range(300):
        registry.announce(announce(number), "10.0.0.1", 0.0)
    assert len(registry.announce(announce(999, wanted=wanted), "10.0.0.2", 0.0).peers) == given


def test_a_scrape_counts_seeds_leeches_and_each_completed_download_once() -> None:
    """A repeated `completed` is one download, and a peer that came complete is none."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1, left=0), "10.0.0.1", 0.0)
    registry.announce(announce(2), "10.0.0.2", 0.0)
    registry.announce(announce(3), "10.0.0.3", 0.0)
    for _ in range(2):
        registry.announce(announce(3, left=0, event=Event.COMPLETED), "10.0.0.3", 1.0)
    assert registry.scrape([HASH, b"?" * 20]) == {HASH: SwarmCounts(2, 1, 1), b"?" * 20: SwarmCounts(0, 0, 0)}


def test_nobody_speaks_for_a_peer_from_elsewhere_without_its_key() -> None:
    """A stranger who knows a peer's id can neither move nor remove it; the peer itself can, by its key."""
    registry = Registry(60.0, Random(1))
    mine = msgspec.structs.replace(announce(1), key=7)
    registry.announce(mine, "10.0.0.1", 0.0)
    for event in (Event.STARTED, Event.STOPPED):
        registry.announce(announce(1, event=event), "10.6.6.6", 1.0)
    assert registry.announce(announce(2), "10.0.0.2", 2.0).peers == (("10.0.0.1", 1001),)
    registry.announce(mine, "10.0.0.9", 3.0)
    assert registry.announce(announce(2), "10.0.0.2", 4.0).peers == (("10.0.0.9", 1001),)


def test_a_peer_with_two_families_is_known_under_both() -> None:
    """And an answer can be limited to one of them (BEP 7)."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1), "10.0.0.1", 0.0)
    registry.announce(announce(1), "fd00::1", 0.0)
    assert registry.announce(announce(2), "10.0.0.2", 0.0).peers == (("10.0.0.1", 1001), ("fd00::1", 1001))
    assert registry.announce(announce(2), "10.0.0.2", 0.0, ipv6=True).peers == (("fd00::1", 1001),)


def test_one_network_cannot_fill_the_registry() -> None:
    """An IPv6 /64, whose addresses cost nothing, counts as one host; others still get in."""
    registry = Registry(60.0, Random(1))
    for number in range(MAX_PEERS_PER_HOST + 50):
        registry.announce(announce(number, wanted=0), f"fd00::{number:x}", 0.0)
    assert registry.peer_count == MAX_PEERS_PER_HOST
    registry.announce(announce(99_999), "fd00:1::1", 0.0)
    assert registry.peer_count == MAX_PEERS_PER_HOST + 1


def test_silent_peers_of_other_swarms_make_room() -> None:
    """An announce to one swarm also clears what expired in all others."""
    registry = Registry(60.0, Random(1))
    registry.announce(announce(1), "10.0.0.1", 0.0)
    other = msgspec.structs.replace(announce(2), info_hash=b"o" * 20)
    registry.announce(other, "10.0.0.2", 400.0)
    assert (registry.peer_count, registry.swarm_count) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.sampled_from(Event), st.floats(0, 100))))
def test_the_counts_agree_with_the_members(script: list[tuple[int, int, Event, float]]) -> None:
    """Whatever peers say, in whatever order: no count drifts, and an emptied registry holds nothing."""
    registry, now = Registry(60.0, Random(1)), 0.0
    for number, left, event, wait in script:
        now += wait
        registry.announce(announce(number, left, event), f"10.0.0.{number}", now)
        [counts] = registry.scrape([HASH]).values()
        assert registry.peer_count == counts.seeds + counts.leeches
        assert registry.swarm_count == min(registry.peer_count, 1)
        told = registry.announce(announce(999), "10.9.9.9", now).peers
        assert len(told) == counts.seeds + counts.leeches
        registry.announce(announce(999, event=Event.STOPPED), "10.9.9.9", now)
