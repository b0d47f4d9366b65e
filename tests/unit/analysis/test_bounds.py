"""The bounds against numbers worked out by hand, against fluid and piece-wise schedules, and exhaustive search."""

from __future__ import annotations

from collections import deque
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import bounds
from harness.results.schema import Calibration

MIB = 2**20


def test_one_server_sends_every_copy_itself():
    """32 copies of 8 MB through 5 MB/s take 51.2 s."""
    assert bounds.client_server(8_000_000, 32, server_up=5e6, peer_down=4e6) == pytest.approx(51.2)


def test_a_downlink_limits_a_lone_client():
    """8 MB come down 4 MB/s in 2 s, however fast the server is."""
    assert bounds.client_server(8_000_000, 1, server_up=1e9, peer_down=4e6) == pytest.approx(2.0)


def test_a_swarm_uses_all_uplinks_together():
    """32 copies of 8 MB leave through 5 + 32·1 MB/s: 256 / 37 s."""
    bound = bounds.peer_to_peer(8_000_000, 32, server_up=5e6, peer_up=1e6, peer_down=4e6)
    assert bound == pytest.approx(256 / 37)


def test_a_swarm_is_no_sooner_than_the_first_copy():
    """With ample peers the origin's own uplink is the limit: 8 MB at 1 MB/s."""
    assert bounds.peer_to_peer(8_000_000, 4, server_up=1e6, peer_up=9e6, peer_down=9e6) == pytest.approx(8.0)


def test_a_swarm_of_one_is_a_client():
    """Nobody can help a single peer."""
    swarm = bounds.peer_to_peer(MIB, 1, server_up=5e6, peer_up=1e6, peer_down=4e6)
    assert swarm == bounds.client_server(MIB, 1, server_up=5e6, peer_down=4e6)


def test_late_comers_to_a_server_by_hand():
    """Three peers at 0, 1 and 10 s, each needing 2 s of the uplink: the last begins at 10 and is done at 12."""
    bound = bounds.staggered(200, [0, 1, 10], server_up=100, peer_up=0, peer_down=1000)
    assert bound == pytest.approx(12.0)


def test_a_swarm_gains_capacity_only_as_peers_come():
    """Two peers, 800 bytes each: 400 by 4 s, when the first is alone, then 1,200 at 100 + 2·50 B/s: 10 s."""
    assert bounds.staggered(800, [0, 4], server_up=100, peer_up=50, peer_down=1000) == pytest.approx(10.0)


def test_arrivals_count_from_the_first():
    """Shifting the clock changes nothing."""
    early = bounds.staggered(800, [0, 4], server_up=100, peer_up=50, peer_down=1000)
    assert bounds.staggered(800, [107, 103], server_up=100, peer_up=50, peer_down=1000) == pytest.approx(early)


rates = st.floats(1, 1000)


@given(size=st.integers(1, 10**6), peers=st.integers(1, 40), server_up=rates, peer_up=rates, peer_down=rates)
def test_staggered_arrivals_of_no_spread_are_a_flash_crowd(size, peers, server_up, peer_up, peer_down):
    """The general bound contains Kumar & Ross's and the client-server one."""
    links = {"server_up": server_up, "peer_down": peer_down}
    swarm = bounds.staggered(size, [0.0] * peers, peer_up=peer_up, **links)
    server = bounds.staggered(size, [0.0] * peers, peer_up=0, **links)
    assert swarm == pytest.approx(bounds.peer_to_peer(size, peers, peer_up=peer_up, **links))
    assert server == pytest.approx(bounds.client_server(size, peers, **links))


def shared_server(size: int, arrivals: list[float], server_up: float, peer_down: float) -> float:
    """A fluid server that shares its uplink equally among whoever is there; the last completion."""
    waiting = deque(sorted(arrivals))
    active: list[float] = []
    now = waiting[0]
    while waiting or active:
        if not active:
            now = max(now, waiting[0])
        while waiting and waiting[0] <= now:
            active.append(float(size))
            waiting.popleft()
        rate = min(peer_down, server_up / len(active))
        step = min(active) / rate
        if waiting and now + step > waiting[0]:
            step = waiting[0] - now
        now += step
        active = [left - rate * step for left in active if left - rate * step > 1e-9 * size]
    return now - min(arrivals)


offsets = st.lists(st.floats(0, 100), min_size=1, max_size=12)


@given(size=st.integers(1, 10**4), arrivals=offsets, server_up=rates, peer_down=rates)
def test_no_fluid_server_beats_the_staggered_bound(size, arrivals, server_up, peer_down):
    """A server that shares its uplink fairly is never done sooner."""
    bound = bounds.staggered(size, arrivals, server_up=server_up, peer_up=0, peer_down=peer_down)
    assert shared_server(size, arrivals, server_up, peer_down) >= bound * (1 - 1e-6)


@given(size=st.integers(1, 10**4), arrivals=offsets, server_up=rates)
def test_the_staggered_bound_is_exact_for_a_busy_server(size, arrivals, server_up):
    """With downlinks no narrower than the uplink, a server that never idles reaches it."""
    bound = bounds.staggered(size, arrivals, server_up=server_up, peer_up=0, peer_down=server_up)
    assert shared_server(size, arrivals, server_up, server_up) == pytest.approx(bound, rel=1e-6)


def random_swarm(rng, pieces: int, arrivals: list[int], server_up: int, peer_up: int, peer_down: int) -> int:
    """Slots until all peers have all pieces, when every node sends random useful pieces within its links."""
    have: list[set[int]] = [set() for _ in arrivals]
    slot = min(arrivals)
    while any(len(mine) < pieces for mine in have):
        before = [set(mine) for mine in have]
        room = [peer_down if slot >= arrival else 0 for arrival in arrivals]
        senders = [(set(range(pieces)), server_up), *((mine, peer_up) for mine in before)]
        rng.shuffle(senders)
        for held, up in senders:
            for _ in range(up):
                useful = [(i, p) for i in range(len(have)) if room[i] for p in sorted(held - have[i])]
                if useful:
                    receiver, piece = rng.choice(useful)
                    have[receiver].add(piece)
                    room[receiver] -= 1
        slot += 1
    return slot - min(arrivals)


@given(
    rng=st.randoms(use_true_random=False),
    pieces=st.integers(1, 6),
    arrivals=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    server_up=st.integers(1, 4),
    peer_up=st.integers(0, 3),
    peer_down=st.integers(1, 4),
)
def test_no_swarm_of_pieces_beats_the_staggered_bound(rng, pieces, arrivals, server_up, peer_up, peer_down):
    """Whatever nodes send each other within their links, the last is never done sooner."""
    bound = bounds.staggered(pieces, arrivals, server_up=server_up, peer_up=peer_up, peer_down=peer_down)
    assert random_swarm(rng, pieces, arrivals, server_up, peer_up, peer_down) >= bound - 1e-9


def fewest_rounds(peers: int, pieces: int) -> int:
    """By exhaustive search: rounds of one piece per uplink until every peer has every piece."""
    complete = (1 << pieces) - 1
    start = (0,) * peers
    frontier, seen, rounds = {start}, {start}, 0
    while (complete,) * peers not in frontier:
        rounds += 1
        following = set()
        for state in frontier:
            options = []
            for holder in (complete, *state):
                sends = [(i, 1 << p) for i in range(peers) for p in range(pieces) if holder & ~state[i] & (1 << p)]
                options.append(sends or [(0, 0)])
            for sends in product(*options):
                after = list(state)
                for receiver, piece in sends:
                    after[receiver] |= piece
                following.add(tuple(sorted(after)))
        frontier = following - seen
        seen |= frontier
    return rounds


@pytest.mark.parametrize(("peers", "pieces"), [(1, 1), (1, 4), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (4, 1), (7, 1)])
def test_the_chunked_bound_is_what_exhaustive_search_finds(peers, pieces):
    """The least number of rounds, divided by the rounds that one file takes."""
    assert bounds.chunked(peers, pieces) * pieces == pytest.approx(fewest_rounds(peers, pieces))


def test_many_pieces_cost_little():
    """64 pieces at 32 peers cost 5/64, about 8 %."""
    assert bounds.chunked(32, 64) == pytest.approx(1 + 5 / 64)


RATES = Calibration(server_up=100, peer_up=50, peer_up_duplex=40, peer_down=400, round_trip_s=0)


def test_a_step_of_a_central_server_is_bound_by_its_uplink():
    """Peers' uplinks do not count."""
    assert bounds.completion(1000, [3.0, 3.0], RATES, origin_is_server=True) == pytest.approx(20.0)
    assert bounds.completion(1000, [0.0, 15.0], RATES, origin_is_server=True) == pytest.approx(25.0)


def test_a_step_of_a_swarm_counts_uplinks_that_also_carry_acknowledgements():
    """The duplex rate is the one that peers have."""
    assert bounds.completion(1000, [0.0, 0.0], RATES, origin_is_server=False) == pytest.approx(2000 / 180)
    assert bounds.completion(1000, [0.0, 9.0], RATES, origin_is_server=False) > 2000 / 180
