"""A torrent's trackers under each of its names: hybrids are announced twice, everything else once."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

import pytest

from p2p_node.boundary import Announce as AnnounceEffect
from p2p_node.boundary import Notice, SendDatagram
from p2p_node.discovery.tracker import Standing
from p2p_node.discovery.trackers import Trackers
from p2p_node.wire.announce import AnnounceReply, Event, decode_announce, encode_reply

URL = "http://a/announce"
NAMES = (b"1" * 20, b"2" * 20)


def trackers(names: tuple[bytes, ...] = NAMES, url: str = URL) -> Trackers:
    found = Trackers([(url,)], names, b"p" * 20, 6881, Random(1))
    found.tend(Standing(left=1), 0.0)
    return found


def announced(effects: list) -> list[tuple[bytes, Event]]:
    queries = [urlsplit(effect.url).query for effect in effects if isinstance(effect, AnnounceEffect)]
    return [(decode_announce(query).info_hash, decode_announce(query).event) for query in queries]


def reply(host: str) -> bytes:
    return encode_reply(AnnounceReply(60.0, ((host, 1),) * 20))


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_every_name_is_announced(names: tuple[bytes, ...]) -> None:
    """At once: nobody of one version waits for an answer to the other."""
    assert announced(trackers(names).take_effects()) == [(name, Event.STARTED) for name in names]


def test_answers_to_both_names_are_heard() -> None:
    """In whatever order; a third is nobody's."""
    ours = trackers()
    assert {ours.replied(URL, reply(host), 0.1)[0][0] for host in ("10.0.0.2", "10.0.0.1")} == {"10.0.0.1", "10.0.0.2"}
    assert ours.replied(URL, reply("10.0.0.3"), 0.2) == ()
    assert ours.timer == pytest.approx(60.1)


def test_a_failure_of_one_name_leaves_the_other_waiting() -> None:
    """And is tried again by itself."""
    ours = trackers()
    ours.take_effects()
    ours.failed(URL, 0.1)
    assert ours.replied(URL, reply("10.0.0.1"), 0.2)
    ours.tend(Standing(left=1), 0.2)
    ours.tend(Standing(left=1), 5.0)
    assert announced(ours.take_effects()) == [(NAMES[0], Event.STARTED)]


def test_goodbyes_are_said_under_every_name() -> None:
    """Whoever knows of us hears of our end, and only then have we parted."""
    ours = trackers()
    for _ in NAMES:
        ours.replied(URL, reply("10.0.0.1"), 0.1)
    ours.take_effects()
    ours.stop(Standing(), 1.0)
    assert announced(ours.take_effects()) == [(name, Event.STOPPED) for name in NAMES]
    ours.replied(URL, reply("10.0.0.1"), 1.1)
    assert not ours.parted
    ours.replied(URL, reply("10.0.0.1"), 1.2)
    assert ours.parted


def test_udp_trackers_are_asked_under_every_name_too() -> None:
    """Their answers are told apart by their transactions, so that a foreign one changes nothing."""
    ours = trackers(url="udp://a:80")
    sent = [effect for effect in ours.take_effects() if isinstance(effect, SendDatagram)]
    assert len(sent) == 2 and sent[0].data != sent[1].data
    assert ours.datagram_received(bytes(16), False, 0.1) == ()


def test_a_notice_that_concerns_the_torrent_comes_once() -> None:
    """A tracker that cannot be asked is named to a person, who does not care for names."""
    notices = [effect for effect in trackers(url="wss://a").take_effects() if isinstance(effect, Notice)]
    assert len(notices) == 1
