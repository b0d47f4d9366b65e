"""The bounds against numbers worked out by hand, against fluid and piece-wise schedules, and exhaustive search."""

from __future__ import annotations

from collections import deque
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.analysis import bounds
from harness.analysis.bounds import Peer

MIB = 2**20


def alike(arrivals, up: float = 0.0, down: float = 0.0) -> list[Peer]:
    """Peers of equal links; a number of them is a flash crowd."""
    return [Peer(arrival, up, down) for arrival in ([0.0] * arrivals if isinstance(arrivals, int) else arrivals)]


def test_one_server_sends_every_copy_itself():
    """32 copies of 8 MB through 5 MB/s take 51.2 s."""
    assert bounds.client_server(8_000_000, alike(32, down=4e6), server_up=5e6) == pytest.approx(51.2)


def test_a_downlink_limits_a_lone_client():
    """8 MB come down 4 MB/s in 2 s, however fast the server is."""
    assert bounds.client_server(8_000_000, alike(1, down=4e6), server_up=1e9) == pytest.approx(2.0)


def test_a_swarm_uses_all_uplinks_together():
    """32 copies of 8 MB leave through 5 + 32·1 MB/s: 256 / 37 s."""
    bound = bounds.peer_to_peer(8_000_000, alike(32, 1e6, 4e6), server_up=5e6)
    assert bound == pytest.approx(256 / 37)


def test_a_swarm_is_no_sooner_than_the_first_copy():
    """With ample peers the origin's own uplink is the limit: 8 MB at 1 MB/s."""
    assert bounds.peer_to_peer(8_000_000, alike(4, 9e6, 9e6), server_up=1e6) == pytest.approx(8.0)


def test_a_swarm_of_one_is_a_client():
    """Nobody can help a single peer."""
    swarm = bounds.peer_to_peer(MIB, alike(1, 1e6, 4e6), server_up=5e6)
    assert swarm == bounds.client_server(MIB, alike(1, down=4e6), server_up=5e6)


def test_late_comers_to_a_server_by_hand():
    """Three peers at 0, 1 and 10 s, each needing 2 s of the uplink: the last begins at 10 and is done at 12."""
    bound = bounds.staggered(200, alike([0, 1, 10], 0, 1000), server_up=100)
    assert bound == pytest.approx(12.0)


def test_a_swarm_gains_capacity_only_as_peers_come():
    """Two peers, 800 bytes each: 400 by 4 s, when the first is alone, then 1,200 at 100 + 2·50 B/s: 10 s."""
    assert bounds.staggered(800, alike([0, 4], 50, 1000), server_up=100) == pytest.approx(10.0)


def test_arrivals_count_from_the_first():
    """Shifting the clock changes nothing."""
    early = bounds.staggered(800, alike([0, 4], 50, 1000), server_up=100)
    assert bounds.staggered(800, alike([107, 103], 50, 1000), server_up=100) == pytest.approx(early)


rates = st.floats(1, 1000)


@given(size=st.integers(1, 10**6), peers=st.integers(1, 40), server_up=rates, peer_up=rates, peer_down=rates)
def test_staggered_arrivals_of_no_spread_are_a_flash_crowd(size, peers, server_up, peer_up, peer_down):
    """The general bound contains Kumar & Ross's and the client-server one."""
    flash = alike(peers, peer_up, peer_down)
    unhelpful = alike(peers, 0, peer_down)
    swarm = bounds.staggered(size, flash, server_up=server_up)
    server = bounds.staggered(size, unhelpful, server_up=server_up)
    assert swarm == pytest.approx(bounds.peer_to_peer(size, flash, server_up=server_up))
    assert server == pytest.approx(bounds.client_server(size, unhelpful, server_up=server_up))


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
    bound = bounds.staggered(size, alike(arrivals, 0, peer_down), server_up=server_up)
    assert shared_server(size, arrivals, server_up, peer_down) >= bound * (1 - 1e-6)


@given(size=st.integers(1, 10**4), arrivals=offsets, server_up=rates)
def test_the_staggered_bound_is_exact_for_a_busy_server(size, arrivals, server_up):
    """With downlinks no narrower than the uplink, a server that never idles reaches it."""
    bound = bounds.staggered(size, alike(arrivals, 0, server_up), server_up=server_up)
    assert shared_server(size, arrivals, server_up, server_up) == pytest.approx(bound, rel=1e-6)


def random_swarm(rng, pieces: int, peers: list[Peer], server_up: int) -> list[int]:
    """The slot in which each peer has all pieces, when every node sends random useful pieces within its links."""
    have: list[set[int]] = [set() for _ in peers]
    done = [-1] * len(peers)
    slot = int(min(peer.arrival for peer in peers))
    while any(len(mine) < pieces for mine in have):
        before = [set(mine) for mine in have]
        room = [int(peer.down) if slot >= peer.arrival else 0 for peer in peers]
        senders = [
            (set(range(pieces)), server_up),
            *((mine, int(peer.up)) for mine, peer in zip(before, peers, strict=True)),
        ]
        rng.shuffle(senders)
        for held, up in senders:
            for _ in range(up):
                useful = [(i, p) for i in range(len(have)) if room[i] for p in sorted(held - have[i])]
                if useful:
                    receiver, piece = rng.choice(useful)
                    have[receiver].add(piece)
                    room[receiver] -= 1
        slot += 1
        done = [slot if at < 0 and len(mine) == pieces else at for at, mine in zip(done, have, strict=True)]
    return done


@given(
    rng=st.randoms(use_true_random=False),
    pieces=st.integers(1, 6),
    peers=st.lists(
        st.builds(Peer, st.integers(0, 12), st.integers(0, 3), st.integers(1, 4)),
        min_size=1,
        max_size=5,
    ),
    server_up=st.integers(1, 4),
)
def test_no_swarm_of_pieces_beats_a_bound(rng, pieces, peers, server_up):
    """Whatever nodes of unequal links send each other, neither the last nor any single one is done sooner."""
    done = random_swarm(rng, pieces, peers, server_up)
    first = min(peer.arrival for peer in peers)
    assert max(done) - first >= bounds.staggered(pieces, peers, server_up=server_up) - 1e-9
    for index, peer in enumerate(peers):
        assert done[index] - peer.arrival >= bounds.own(pieces, peers, index, server_up=server_up) - 1e-9


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


def test_unequal_uplinks_add_up_and_the_narrowest_downlink_holds_all_up():
    """Kumar and Ross's general form by hand: 4 x 900 B through 100 + 2*25 + 2*75 B/s, or 900 B down 60 B/s."""
    narrow, wide = Peer(0, 25, 400), Peer(0, 75, 400)
    assert bounds.peer_to_peer(900, [narrow, narrow, wide, wide], server_up=100) == pytest.approx(12.0)
    assert bounds.peer_to_peer(900, [Peer(0, 25, 60), narrow, wide, wide], server_up=100) == pytest.approx(15.0)


def test_a_late_comer_of_a_narrow_link_is_the_last():
    """It comes at 5 s and takes 1,000 B down 50 B/s, whatever the others do."""
    peers = [Peer(0, 10, 1000), Peer(5, 10, 50)]
    assert bounds.staggered(1000, peers, server_up=1000) == pytest.approx(25.0)


def test_a_peer_alone_is_served_by_the_origin():
    """It cannot send to itself: 1,000 B at 100 B/s."""
    assert bounds.own(1000, [Peer(3, 500, 900)], 0, server_up=100) == pytest.approx(10.0)


def test_a_peer_gains_what_others_can_send_as_they_come():
    """500 B by 5 s from the origin alone, and 500 at 100 + 150 B/s; but the first copy takes 10 s to leave."""
    peers = [Peer(0, 50, 900), Peer(5, 150, 900)]
    assert bounds.own(1000, peers, 0, server_up=100) == pytest.approx(10.0)
    assert bounds.own(1000, peers, 1, server_up=100) == pytest.approx(1000 / 150)
    late = [Peer(0, 50, 900), Peer(30, 150, 200)]
    assert bounds.own(1000, late, 1, server_up=100) == pytest.approx(1000 / 150)


@example(size=9, peers=[Peer(0, 1, 1), Peer(73, 2, 3), Peer(74, 3, 4)], server_up=1)
@given(
    size=st.integers(1, 10**4),
    peers=st.lists(st.builds(Peer, st.floats(0, 100), rates, rates), min_size=1, max_size=8),
    server_up=rates,
)
def test_no_single_peers_bound_exceeds_the_last_ones(size, peers, server_up):
    """What holds for one, cared for alone, holds for the last of all."""
    first = min(peer.arrival for peer in peers)
    last = bounds.staggered(size, peers, server_up=server_up)
    for index, peer in enumerate(peers):
        assert peer.arrival - first + bounds.own(size, peers, index, server_up=server_up) <= last * (1 + 1e-9)
