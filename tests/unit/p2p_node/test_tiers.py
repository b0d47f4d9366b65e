"""Whom a peer announces to, and when: tiers of trackers (BEP 12) in virtual time."""

from __future__ import annotations

from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest

from p2p_node.boundary import Announce as AnnounceEffect
from p2p_node.boundary import Notice, SendDatagram
from p2p_node.discovery.tiers import EARLY_S, FIRST_RETRY_S, PATIENCE_S, Tiers
from p2p_node.discovery.tracker import Identity, Standing
from p2p_node.wire.address import Address
from p2p_node.wire.announce import AnnounceReply, Event, decode_announce, encode_failure, encode_reply

A, B, C = (f"http://{name}/announce" for name in "abc")
MANY: tuple[Address, ...] = tuple((f"10.0.0.{number}", 1) for number in range(1, 20))
LEECH = Standing(left=1)
DONE = Standing(left=0, finished=True)


class Announcer:
    """Tiers, and who is asked what by them."""

    def __init__(self, *tiers: tuple[str, ...], seed: int = 1) -> None:
        self.tiers = Tiers(tiers, Identity(b"h" * 20, b"p" * 20, 6881, 7), Random(seed))
        self.standing = LEECH
        self.now = 0.0

    def asks(self, now: float) -> list[tuple[str, Event]]:
        """Who is asked at this time, why."""
        self.now = now
        due = self.tiers.timer
        if due is not None and due <= now:
            self.tiers.tend(self.standing, now)
        effects, self.tiers.effects = self.tiers.effects, []
        announces = [effect for effect in effects if isinstance(effect, AnnounceEffect)]
        return [(effect.tracker, decode_announce(urlsplit(effect.url).query).event) for effect in announces]

    def answer(self, url: str, interval: float = 60.0, peers: tuple[Address, ...] = MANY, least: float = 0.0) -> None:
        self.tiers.replied(url, encode_reply(AnnounceReply(interval, peers, min_interval=least)), self.now)


def test_one_answer_ends_a_round_and_the_next_waits_for_the_interval() -> None:
    """The second tier is a spare (BEP 12)."""
    announcer = Announcer((A,), (B,))
    assert announcer.asks(0.0) == [(A, Event.STARTED)]
    announcer.answer(A)
    assert announcer.asks(59.9) == []
    assert announcer.asks(60.0) == [(A, Event.REGULAR)]


def test_a_failure_turns_to_the_next_at_once() -> None:
    """First within the tier, then to the next tier; a refusal is a failure as well."""
    announcer = Announcer((A,), (B,), (C,))
    announcer.asks(0.0)
    announcer.tiers.failed(A, 0.1)
    assert announcer.asks(0.1) == [(B, Event.STARTED)]
    announcer.tiers.replied(B, encode_failure("unregistered"), 0.2)
    assert announcer.asks(0.2) == [(C, Event.STARTED)]


def test_who_answered_comes_first_in_its_tier() -> None:
    """From the next round on (BEP 12)."""
    announcer = Announcer((A, B, C))
    order = []
    while not order or len(order) < 3:
        [(url, _)] = announcer.asks(0.0)
        order.append(url)
        if len(order) < 3:
            announcer.tiers.failed(url, 0.0)
    announcer.answer(order[-1])
    assert announcer.asks(60.0)[0][0] == order[-1]


def test_tiers_are_shuffled_but_keep_their_order() -> None:
    """So that a tier's trackers share the load (BEP 12)."""
    firsts = {Announcer((A, B), (C,), seed=seed).asks(0.0)[0][0] for seed in range(20)}
    assert firsts == {A, B}


def test_a_slow_tracker_loses_its_turn_but_is_heard_when_it_answers() -> None:
    """The next is asked as well, and the late peers count."""
    announcer = Announcer((A,), (B,))
    announcer.asks(0.0)
    assert announcer.asks(PATIENCE_S - 0.1) == []
    assert announcer.asks(PATIENCE_S) == [(B, Event.STARTED)]
    announcer.answer(B)
    late = announcer.tiers.replied(A, encode_reply(AnnounceReply(60.0, MANY)), PATIENCE_S + 1)
    assert late == MANY


def test_when_all_fail_rounds_come_ever_later() -> None:
    """One second, two, four … so that a dead tracker is not hammered."""
    announcer = Announcer((A,))
    now, waits = 0.0, []
    for _ in range(10):
        assert announcer.asks(now) == [(A, Event.STARTED)]
        announcer.tiers.failed(A, now)
        assert announcer.asks(now) == []
        due = announcer.tiers.timer
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits[:3] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S] and waits[-1] == 60.0


def test_with_few_peers_a_leech_asks_again_early_but_ever_later() -> None:
    """A tracker's interval outlasts a young swarm; a seed is found by others and waits."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.answer(A, 1800.0, ())
    assert announcer.asks(EARLY_S) == [(A, Event.REGULAR)]
    announcer.answer(A, 1800.0, ())
    assert announcer.tiers.timer == EARLY_S + 2 * EARLY_S
    announcer.standing = Standing(left=0)
    announcer.asks(15.0)
    announcer.answer(A, 1800.0, ())
    assert announcer.tiers.timer == 15.0 + 1800.0


@pytest.mark.parametrize(("interval", "least", "wait"), [(1800.0, 30.0, 30.0), (0.0, 0.0, 1.0), (2.0, 0.0, 2.0)])
def test_early_is_never_sooner_than_the_tracker_s_least_nor_a_second(
    interval: float, least: float, wait: float
) -> None:
    """Nor later than its interval."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.answer(A, interval, (), least)
    assert announcer.tiers.timer == wait


def test_losing_peers_brings_the_next_announce_forward() -> None:
    """As early as is allowed, not earlier."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.answer(A, 1800.0, MANY, least=20.0)
    announcer.tiers.lonely(3.0)
    assert announcer.tiers.timer == 20.0


def test_completed_is_told_at_once_until_it_is_heard_and_then_no_more() -> None:
    """Exactly one `completed` is answered."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.answer(A)
    announcer.standing = DONE
    announcer.tiers.completed(2.0)
    assert announcer.asks(2.0) == [(A, Event.COMPLETED)]
    announcer.tiers.failed(A, 2.0)
    announcer.asks(2.0)
    assert announcer.asks(3.0) == [(A, Event.COMPLETED)]
    announcer.answer(A)
    assert announcer.asks(63.0) == [(A, Event.REGULAR)]


def test_a_completion_while_an_announce_is_on_its_way_follows_its_answer() -> None:
    """It is neither lost nor sent beside the other."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.standing = DONE
    announcer.tiers.completed(0.1)
    assert announcer.asks(0.1) == []
    announcer.tiers.tend(DONE, 0.2)
    announcer.answer(A)
    assert announcer.asks(0.2) == [(A, Event.COMPLETED)]


def test_goodbye_goes_to_everybody_who_knows_us_behind_what_was_said_before() -> None:
    """Only then has the peer parted."""
    announcer = Announcer((A,), (B,))
    announcer.asks(0.0)
    announcer.asks(PATIENCE_S)
    announcer.answer(B)
    announcer.tiers.stop(LEECH, PATIENCE_S + 1)
    assert announcer.asks(PATIENCE_S + 1) == [(B, Event.STOPPED)]
    assert not announcer.tiers.parted
    announcer.answer(B, peers=())
    assert announcer.tiers.parted

    announcer = Announcer((A,))
    announcer.asks(0.0)
    announcer.tiers.stop(LEECH, 0.1)
    assert announcer.asks(0.1) == [] and not announcer.tiers.parted
    announcer.answer(A)
    assert announcer.asks(0.2) == [(A, Event.STOPPED)]
    announcer.tiers.failed(A, 0.3)
    assert announcer.tiers.parted


def test_other_schemes_are_ignored_with_one_notice_each() -> None:
    """Also URLs that are none."""
    announcer = Announcer(("wss://x/announce", "udp://noport", "http://[", "file:///etc/passwd"), (A,))
    assert sum(isinstance(effect, Notice) for effect in announcer.tiers.effects) == 4
    assert announcer.asks(0.0) == [(A, Event.STARTED)]


def test_a_tracker_s_id_is_sent_back_and_its_warning_shown() -> None:
    """And everything else an announce should carry."""
    announcer = Announcer((A,))
    announcer.asks(0.0)
    reply = AnnounceReply(60.0, MANY, tracker_id=b"t&1", warning="slow down")
    announcer.tiers.replied(A, encode_reply(reply), 0.0)
    announcer.tiers.tend(LEECH, 60.0)
    warning, announce = announcer.tiers.effects
    assert isinstance(warning, Notice) and "slow down" in warning.text
    assert isinstance(announce, AnnounceEffect)
    query = parse_qs(urlsplit(announce.url).query, encoding="latin-1")
    assert query["trackerid"] == ["t&1"] and query["key"] == ["00000007"] and query["numwant"] == ["50"]


def test_a_silent_udp_tracker_holds_up_nobody() -> None:
    """It is asked again after 15, 30, 60 … seconds while rounds go on with the others."""
    announcer = Announcer(("udp://u:1",), (A,))
    sent: list[float] = []
    asked: list[float] = []
    now = 0.0
    while now < 300.0:
        announcer.tiers.tend(LEECH, now)
        effects, announcer.tiers.effects = announcer.tiers.effects, []
        sent += [now for effect in effects if isinstance(effect, SendDatagram)]
        if any(isinstance(effect, AnnounceEffect) for effect in effects):
            asked.append(now)
            announcer.now = now
            announcer.answer(A)
        due = announcer.tiers.timer
        assert due is not None and due > now
        now = due
    assert sent == [0.0, 15.0, 45.0, 105.0, 225.0]
    assert asked == [5.0, 65.0, 125.0, 185.0, 245.0]
