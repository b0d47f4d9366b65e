"""The core's small parts: sets of pieces, rarity, rates, partial pieces, dialling."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.core import bits
from p2p_node.core.dialer import ANSWER_S, MAX_ATTEMPTS, MAX_HALF_OPEN, SEVERAL, Dialer
from p2p_node.core.partial import Partial
from p2p_node.core.rarity import Rarity
from p2p_node.core.rates import Rate
from p2p_node.wire.errors import ProtocolError

sets = st.sets(st.integers(min_value=0, max_value=40))


def mask_of(pieces: set[int]) -> int:
    return sum(1 << piece for piece in pieces)


@given(sets)
def test_bitfields_survive_a_round_trip(pieces: set[int]) -> None:
    """A set of pieces is the same after it went through a BEP 3 bitfield."""
    mask = mask_of(pieces)
    assert bits.from_bitfield(bits.to_bitfield(mask, 41), 41) == mask
    assert set(bits.members(mask)) == pieces


def test_the_first_piece_is_the_highest_bit() -> None:
    """BEP 3's order of bits."""
    assert bits.to_bitfield(1, 8) == b"\x80"


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00", b"\x00\x01"])
def test_wrong_bitfields_are_refused(data: bytes) -> None:
    """A wrong length and spare bits are protocol errors."""
    with pytest.raises(ProtocolError):
        bits.from_bitfield(data, 10)


@given(sets.filter(bool), st.integers(min_value=0, max_value=40))
def test_first_wraps_round(pieces: set[int], start: int) -> None:
    """The first member at or after a start is found, from the beginning when there is none."""
    expected = min((piece for piece in pieces if piece >= start), default=min(pieces))
    assert bits.first(mask_of(pieces), start) == expected


@given(st.lists(sets, max_size=6), sets.filter(bool), st.integers())
def test_the_rarest_piece_has_the_fewest_copies(peers: list[set[int]], among: set[int], seed: int) -> None:
    """Whatever peers came, the choice is one of those with the fewest copies."""
    rarity = Rarity(41)
    for have in peers:
        rarity.add_all(mask_of(have))
    copies = {piece: sum(piece in have for have in peers) for piece in among}
    chosen = rarity.rarest(mask_of(among), Random(seed))
    assert copies[chosen] == min(copies.values())


@given(st.lists(sets, max_size=6), st.data())
def test_rarity_forgets_peers_that_left(peers: list[set[int]], data: st.DataObject) -> None:
    """After some peers left, copies are those of the peers that stayed; seeds count for every piece."""
    rarity = Rarity(41)
    whole = mask_of(set(range(41)))
    for have in peers:
        rarity.add_all(mask_of(have))
    rarity.add_all(whole)
    stayed = [have for have in peers if data.draw(st.booleans())]
    left = list(peers)
    for have in stayed:
        left.remove(have)
    for have in left:
        rarity.remove_all(mask_of(have))
    assert [rarity.copies(piece) for piece in range(41)] == [
        1 + sum(piece in have for have in stayed) for piece in range(41)
    ]
    rarity.remove_all(whole)
    assert set(bits.members(rarity.absent)) == set(range(41)) - set().union(*stayed, set())


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=3), st.integers(0, 10_000)), max_size=30))
def test_a_rate_forgets_what_is_older_than_its_window(steps: list[tuple[float, int]]) -> None:
    """The window holds what came in the last two seconds, to within one slot."""
    rate, now, events = Rate(0.0), 0.0, []
    for gap, count in steps:
        now += gap
        rate.add(count, now)
        events.append((now, count))
    inside = sum(count for at, count in events if now - at < 1.6)
    around = sum(count for at, count in events if now - at <= 2.0)
    assert inside <= rate.window(now) <= around
    assert rate.total == sum(count for _, count in events)


def test_a_block_is_received_once() -> None:
    """The second copy of a block is a duplicate, and a block given back after it came is not opened again."""
    partial = Partial(0, 2)
    [block] = partial.take(1)
    assert partial.receive(1 << block, ("10.0.0.1", 1))
    assert not partial.receive(1 << block, ("10.0.0.2", 1))
    partial.give_back(1 << block)
    assert block not in partial.take(2)
    assert partial.senders == {("10.0.0.1", 1): 1 << block}


def test_blocks_are_taken_side_by_side() -> None:
    """As many as are wanted, but not across one that was asked for already."""
    partial = Partial(0, 8)
    assert [*partial.take(2), *partial.take(3)] == [0, 1, 2, 3, 4]
    partial.give_back(0b110)
    assert partial.take(8) == range(1, 3)
    assert partial.take(8) == range(5, 8)


def test_the_dialler_never_dials_itself_and_few_at_once() -> None:
    """Its own address is ignored and half-open dials are bounded."""
    own = ("10.0.0.1", 6881)
    dialer = Dialer(own)
    dialer.learn([own, *((f"10.0.1.{last}", 1) for last in range(200))])
    first = dialer.next(set(), 1000, 0.0)
    assert own not in first and len(first) == MAX_HALF_OPEN
    assert dialer.next(set(), 1000, 0.0) == []


def test_dials_under_way_count_as_connections_until_they_may_be_to_nobody() -> None:
    """Else who learns addresses one by one dials far more than it wants; but dead ones hold up nobody for long."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn([(f"10.0.1.{last}", 1) for last in range(20)])
    first = dialer.next(set(), 8, 0.0)
    assert len(first) == 4
    assert dialer.next(set(), 8, ANSWER_S / 2) == []
    dialer.connected(first[0])
    assert len(dialer.next(set(first[:1]), 3, ANSWER_S / 2)) == 0
    assert len(dialer.next(set(), 8, ANSWER_S)) == 4


def test_the_more_dials_are_unanswered_the_longer_they_are_waited_for() -> None:
    """When nobody answers, more dials only add to what keeps a slow link or a busy machine from answering."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn([(f"10.0.1.{last}", 1) for last in range(100)])
    dialled_at = []
    for tenth in range(60):
        dialled_at += [tenth / 10] * len(dialer.next(set(), 2 * SEVERAL, tenth / 10))
    assert dialled_at == [0.0] * SEVERAL + [0.5] * SEVERAL + [1.5] * SEVERAL + [3.5] * SEVERAL


def test_half_of_the_room_is_dialled_at_once() -> None:
    """The other half is for those that dial us; what they do not take is dialled when the first have answered."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn([(f"10.0.1.{last}", 1) for last in range(40)])
    first = dialer.next(set(), 16, 0.0)
    assert len(first) == 8
    for address in first:
        dialer.connected(address)
    assert len(dialer.next(set(first), 8, 0.1)) == 4


def test_the_first_address_is_dialled_also_by_who_has_enough_connections() -> None:
    """Trackers name a seed first; others may have dialled this peer before it could dial the seed."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn([(f"10.0.1.{last}", 1) for last in range(20)])
    assert dialer.next(set(), 0, 0.0) == [("10.0.1.0", 1)]
    assert dialer.next(set(), 0, 1.0) == []


def test_who_is_connected_to_no_seed_dials_one_beyond_its_room() -> None:
    """One at a time, since whoever named it may have lied; a seed that was there before it was called one counts."""
    dialer = Dialer(("10.0.0.1", 1))
    others, seeds = [(f"10.0.1.{last}", 1) for last in range(20)], [("10.0.2.1", 1), ("10.0.2.2", 1)]
    dialer.learn([*others, seeds[0]])
    dialer.learn_seeds(seeds)
    assert dialer.next(set(), 4, 0.0, seedless=False)[0] == others[0]
    (first,) = dialer.next(set(), 0, 0.0, seedless=True)
    assert first in seeds
    assert dialer.next(set(), 0, 0.0, seedless=True) == []
    dialer.failed(first, 0.0)
    (second,) = dialer.next(set(), 0, 0.0, seedless=True)
    assert {first, second} == set(seeds)


def test_who_has_several_connections_does_not_dial_on_at_once_when_a_dial_fails() -> None:
    """Where most have enough, each would dial everybody within a second; who has hardly any connections may."""
    dialer = Dialer(("10.0.0.1", 1))
    dialer.learn([(f"10.0.1.{last}", 1) for last in range(20)])
    several = {(f"10.0.2.{last}", 1) for last in range(SEVERAL)}
    (refused,) = dialer.next(several, 1, 0.0)
    dialer.failed(refused, 0.1)
    assert dialer.next(several, 1, 0.1) == []
    assert dialer.timer() == 0.1 + ANSWER_S
    (another,) = dialer.next(several, 1, 0.1 + ANSWER_S)
    dialer.failed(another, 1.0)
    assert len(dialer.next(set(), 1, 1.0)) == 1


def test_an_address_that_keeps_failing_is_given_up() -> None:
    """Retries come ever later, and end."""
    dialer = Dialer(("10.0.0.1", 1))
    address = ("10.0.0.2", 1)
    dialer.learn([address])
    now, dialled = 0.0, 0
    while dialer.next(set(), 10, now):
        dialled += 1
        dialer.failed(address, now)
        retry = dialer.timer()
        assert retry is None or retry > now
        now = retry or now
    assert dialled == MAX_ATTEMPTS
