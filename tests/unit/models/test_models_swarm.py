"""The swarm model: what goes in comes out, no link carries too much, and what is impossible is said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import bounds
from harness.analysis.models.crowd import Crowd
from harness.analysis.models.swarm import play

SIZE = 1 << 20
UP, DOWN, SERVER_UP = 1e6, 4e6, 5e6


def crowd(peers: int, **changes: object) -> Crowd:
    """A flash crowd of equal peers, unless told otherwise."""
    fields = {
        "size": SIZE,
        "pieces": 64,
        "server_up": SERVER_UP,
        "arrival": np.zeros(peers),
        "up": np.full(peers, UP),
        "down": np.full(peers, DOWN),
    }
    return Crowd(**{**fields, **changes})


def bound_of(crowd: Crowd) -> float:
    links = zip(crowd.arrival, crowd.up, crowd.down, strict=True)
    peers = [bounds.Peer(float(arrival), float(up), float(down)) for arrival, up, down in links]
    return bounds.completion(crowd.size, peers, server_up=crowd.server_up)


def test_one_peer_takes_what_its_downlink_takes():
    """And the protocol's 1.4 %, and a round for the first piece."""
    outcome = play(crowd(1))
    assert SIZE / DOWN < outcome.last < 1.1 * SIZE / DOWN
    assert outcome.origin_bytes == SIZE


@pytest.mark.parametrize("peers", [2, 3, 17, 18, 100, 1000])
def test_every_byte_comes_from_somebody(peers):
    """Each gets every piece once; the origin sends each at least once; nobody is done before the bound."""
    outcome = play(crowd(peers))
    assert outcome.completed == peers
    assert outcome.stuck_at is None
    assert outcome.delivered_bytes == peers * SIZE
    assert SIZE <= outcome.origin_bytes <= outcome.delivered_bytes
    assert outcome.last >= bound_of(crowd(peers))


def test_the_same_seed_gives_the_same_outcome():
    """Whatever the threads do; and another seed gives another."""
    first, again, other = (play(crowd(300), seed).done for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_larger_crowds_take_longer_but_hardly():
    """A thousandfold crowd takes less than half as long again, as every peer brings its uplink."""
    lasts = [play(crowd(peers, pieces=256, size=16 << 20)).last for peers in (32, 320, 3200)]
    assert lasts == sorted(lasts)
    assert lasts[-1] < 1.5 * lasts[0]


def test_peers_without_uplinks_are_served_by_the_origin_alone():
    """Which is client-server: N copies over one uplink, within the grain of rounds and 1.4 %."""
    alone = crowd(20, up=np.zeros(20))
    outcome = play(alone)
    assert outcome.origin_bytes == 20 * SIZE
    assert 1 <= outcome.last / bound_of(alone) < 1.05


@given(
    peers=st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([1.0, 4.0])), min_size=1, max_size=40
    ),
    arrivals=st.sampled_from([0.0, 0.5, 3.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_no_crowd_beats_its_bound(peers, arrivals, seed):
    """Whatever links it has, and whenever its peers come."""
    rng = np.random.default_rng(seed)
    up, down = (np.array([each[i] for each in peers]) * 1e6 for i in (0, 1))
    mixed = crowd(len(peers), up=up, down=down, arrival=rng.random(len(peers)) * arrivals, pieces=16, size=SIZE // 4)
    outcome = play(mixed, seed)
    assert outcome.completed == len(peers)
    assert outcome.last - mixed.arrival.min() >= bound_of(mixed) * (1 - 1e-9)


def test_full_downlinks_do_not_silence_a_sender():
    """A seed among peers whose downlinks are slower than its uplink comes back to them, when it has nothing to gain."""
    slow = crowd(12, up=np.array([4e6, *[0.0] * 11]), down=np.array([8e6, *[0.5e6] * 11]), server_leaves=2.0)
    assert play(slow).completed == 12


def test_peers_that_leave_when_they_are_done_cost_those_who_stay():
    """Of peers that come over a minute, each waits for longer when those before it go at once."""
    arrival = np.linspace(0, 30, 100)
    waits = [
        float((play(crowd(100, arrival=arrival, stays=stays, size=8 * SIZE)).done - arrival).mean())
        for stays in (math.inf, 0.0)
    ]
    assert waits[0] < waits[1]


def test_an_origin_that_leaves_early_leaves_no_full_copy():
    """Half of the time it takes to send everything once is too short: the verdict says since when, and play ends."""
    outcome = play(crowd(10, server_leaves=SIZE / SERVER_UP / 2))
    assert outcome.completed == 0
    assert math.isinf(outcome.last)
    assert outcome.stuck_at == pytest.approx(SIZE / SERVER_UP / 2, rel=0.2)
    assert outcome.verdict == f"0 of 10 peers completed: no full copy can exist after t = {outcome.stuck_at:.4g} s"


def test_an_origin_that_leaves_after_a_full_copy_is_not_missed():
    """Those who have its pieces go on."""
    outcome = play(crowd(10, server_leaves=2 * SIZE / SERVER_UP))
    assert outcome.completed == 10
    assert outcome.stuck_at is None


def test_no_uplinks_at_all_can_never_make_a_copy():
    """Nor does anybody wait for one."""
    outcome = play(crowd(5, server_up=0.0, up=np.zeros(5)))
    assert (outcome.completed, outcome.stuck_at) == (0, 0.0)


def test_who_comes_when_all_have_gone_finds_nobody():
    """The last of three comes after the origin and the others have left."""
    outcome = play(crowd(3, arrival=np.array([0.0, 0.0, 100.0]), stays=1.0, server_leaves=50.0))
    assert outcome.completed == 2
    assert outcome.stuck_at is not None
