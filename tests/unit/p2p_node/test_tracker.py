"""The tracker's memory and its client's patience."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

import pytest

from p2p_node.discovery.registry import MAX_WANTED, Registry
from p2p_node.discovery.tracker import FIRST_RETRY_S, TrackerClient
from p2p_node.wire.announce import Announce, AnnounceReply, Event, decode_announce, encode_failure, encode_reply
from p2p_node.wire.errors import ProtocolError

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
    reply = registry.announce(announce(2, left=0), "10.0.0.2", 0.0)
    assert reply.peers == () and reply.seeds == 2


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
    assert registry.announce(announce(2), "10.0.0.2", 200.0).peers == ()


@pytest.mark.parametrize(("wanted", "given"), [(-1, 50), (0, 0), (7, 7), (10_000, MAX_WANTED)])
def test_no_more_peers_are_given_than_wanted_and_sensible(wanted: int, given: int) -> None:
    """The answer is bounded by the wish and by the tracker's own limit."""
    registry = Registry(60.0, Random(1))
    for number in range(300):
        registry.announce(announce(number), "10.0.0.1", 0.0)
    assert len(registry.announce(announce(999, wanted=wanted), "10.0.0.2", 0.0).peers) == given


def client() -> TrackerClient:
    return TrackerClient("http://tracker/announce", HASH, b"p" * 20, 6881)


def event_of(tracker: TrackerClient, now: float) -> Event:
    effect = tracker.announce(0, 0, 1, now)
    assert effect is not None
    return decode_announce(urlsplit(effect.url).query).event


def test_the_first_announce_says_started_and_the_next_waits_for_the_interval() -> None:
    """One announce at a time, at the tracker's pace once peers are known."""
    tracker = client()
    assert event_of(tracker, 0.0) is Event.STARTED
    assert tracker.announce(0, 0, 1, 0.0) is None
    assert tracker.replied(encode_reply(AnnounceReply(60.0, (("10.0.0.9", 1),))), 1.0) == (("10.0.0.9", 1),)
    assert tracker.timer == 61.0
    assert event_of(tracker, 61.0) is Event.REGULAR


def test_a_lonely_peer_asks_again_soon() -> None:
    """A tracker's interval outlasts a young swarm; while nobody is known the client does not wait for it."""
    tracker = client()
    tracker.announce(0, 0, 1, 0.0)
    tracker.replied(encode_reply(AnnounceReply(1800.0, ())), 0.0)
    assert tracker.timer is not None and tracker.timer <= 5.0


def test_an_event_is_told_at_once_and_not_lost_by_a_failure() -> None:
    """`completed` is announced now, and again when that failed, ever later."""
    tracker = client()
    tracker.announce(0, 0, 1, 0.0)
    tracker.replied(encode_reply(AnnounceReply(60.0, (("10.0.0.9", 1),))), 0.0)
    tracker.happened(Event.COMPLETED, 2.0)
    assert event_of(tracker, 2.0) is Event.COMPLETED
    tracker.failed(3.0)
    assert tracker.timer == 3.0 + FIRST_RETRY_S
    assert event_of(tracker, 4.0) is Event.COMPLETED
    with pytest.raises(ProtocolError):
        tracker.replied(encode_failure("busy"), 5.0)
    assert tracker.timer == 5.0 + 2 * FIRST_RETRY_S
