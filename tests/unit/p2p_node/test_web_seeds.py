"""Web seeds beside peers (BEP 19): real cores over the fake network, servers fast, slow, busy or lying."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_node.core import bits
from p2p_node.core.web_seed import MAX_RANGE, MIN_RANGE, RETRY_S, usable
from p2p_node.core.web_seeds import MAX_RANGES, STALLED_S
from tests.network import FakePeer, Network

PIECE = 32 * 1024


def content_of(pieces: int) -> bytes:
    return Random(pieces).randbytes(pieces * PIECE - 1000)


def finish(network: Network, *leeches: FakePeer, until: float = 600.0) -> None:
    for peer in leeches:
        peer.start()
    network.run(until, lambda: all(peer.completed_at is not None for peer in leeches))
    for peer in leeches:
        assert peer.completed_at is not None, f"stuck at {network.now:.1f} s"
        assert bytes(peer.content) == network.content


def test_a_web_seed_alone_is_enough() -> None:
    """Without any peer the content comes whole, once, and counts as the web seed's."""
    network = Network(content_of(40), PIECE)
    server = network.add_web_server()
    leech = network.add()
    finish(network, leech)
    tally = leech.node.tally()
    assert tally.web_seeded == tally.downloaded == server.sent == len(network.content)
    assert tally.wasted == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10**6))
def test_peers_and_web_seeds_complete_together(seed: int) -> None:
    """Whatever the sizes and paces, also with piece lengths that are no multiple of a block: the content is right, and
    each byte is counted for the one who sent it."""
    rng = Random(seed)
    content = rng.randbytes(rng.randrange(1, 30) * 40_000)
    network = Network(content, rng.choice([16384, 20_000, 65536, 100_000]), seed)
    for _ in range(rng.randrange(1, 3)):
        network.add_web_server(rng.choice([0.001, 0.02, 0.2]))
    if rng.random() < 0.5:
        network.add(content, block_s=rng.choice([0.001, 0.1])).start()
    leeches = [network.add(block_s=rng.choice([0.001, 0.03])) for _ in range(rng.randrange(1, 5))]
    finish(network, *leeches)
    for peer in leeches:
        tally = peer.node.tally()
        assert tally.downloaded == len(content)
        assert tally.web_seeded == sum(count for (_, port), count in tally.served.items() if port == 0)


def test_a_swarm_takes_little_more_than_one_copy_from_its_web_seed() -> None:
    """Peers pass on what the server sent: eight of them draw less than two copies from it, not eight."""
    network = Network(content_of(200), PIECE)
    server = network.add_web_server(chunk_s=0.006)
    finish(network, *[network.add(block_s=0.005) for _ in range(8)])
    assert server.sent < 2 * len(network.content)


def test_a_web_seed_and_a_seed_share_the_work() -> None:
    """With a server and a peer of the same pace the content comes in hardly more than half the time of one."""
    network = Network(content_of(100), PIECE)
    network.add_web_server(chunk_s=0.0061)
    network.add(network.content, block_s=0.01).start()
    leech = network.add()
    finish(network, leech)
    alone = len(network.content) / 16384 * 0.01
    assert network.now < 0.65 * alone
    assert leech.node.tally().wasted < 0.02 * len(network.content)


def test_a_slow_server_does_not_hold_up_the_end() -> None:
    """Idle peers take over what a slow range still lacks."""
    network = Network(content_of(60), PIECE)
    network.add_web_server(chunk_s=5.0)
    network.add(network.content, block_s=0.01).start()
    finish(network, network.add())
    assert network.now < 20.0


def test_a_web_seed_takes_over_from_a_slow_peer() -> None:
    """In the end game the server is asked for what a peer owes for long."""
    network = Network(content_of(20), PIECE)
    network.add(network.content, block_s=8.0).start()
    server = network.add_web_server()
    peer = network.add()
    network.at(1.0, lambda: setattr(server, "hangs", False))
    finish(network, peer)
    assert network.now < 8.0


def test_ranges_follow_the_pace() -> None:
    """They grow from the smallest to the largest, hold whole pieces, and the last ones shrink."""
    network = Network(Random(0).randbytes(60 << 20), 1 << 20)
    server = network.add_web_server(chunk_s=0.001)
    finish(network, network.add())
    sizes = [end - start for _, start, end in server.asked]
    assert sizes[0] == max(MIN_RANGE, 1 << 20)
    assert max(sizes) == MAX_RANGE
    assert sizes[-1] == 1 << 20
    assert all(start % (1 << 20) == 0 for _, start, _ in server.asked)


def test_the_first_range_begins_anywhere_and_then_gaps_are_filled_from_their_beginning() -> None:
    """BEP 19: peers of one server start with different pieces."""
    firsts = set()
    for seed in range(5):
        network = Network(content_of(100), PIECE, seed=seed)
        server = network.add_web_server()
        finish(network, network.add())
        _, start, end = server.asked[0]
        firsts.add(start)
        longest = max([(start, 0), (len(network.content) - end, end)])
        assert server.asked[1][1] == longest[1]
    assert len(firsts) > 2


def test_a_busy_server_is_left_alone_ever_longer() -> None:
    """503 after 503: the waits double, and a success ends it."""
    network = Network(content_of(10), PIECE)
    server = network.add_web_server()
    server.refuse = 6
    finish(network, network.add())
    times = sorted({when for when, *_ in server.asked[:7]})
    waits = [after - before for before, after in pairwise(times)]
    assert waits[0] >= RETRY_S
    assert all(later > 1.3 * earlier for earlier, later in pairwise(waits))


def test_a_server_is_left_alone_as_long_as_it_asks() -> None:
    """Retry-After is obeyed."""
    network = Network(content_of(10), PIECE)
    server = network.add_web_server()
    server.refuse, server.wish = 2, 90.0
    finish(network, network.add())
    assert server.asked[2][0] >= 90.0


def test_a_server_without_the_file_is_given_up() -> None:
    """404 for good: it is asked no more, and peers do the work."""
    network = Network(content_of(10), PIECE)
    server = network.add_web_server()
    server.refuse, server.for_good = 99, True
    network.add(network.content).start()
    finish(network, network.add())
    assert len(server.asked) <= 2


def test_a_lying_server_is_discarded() -> None:
    """A wrong piece that came from the server alone: its URL is used no more, and the content is right."""
    network = Network(content_of(40), PIECE)
    server = network.add_web_server(lies=True)
    network.add(network.content, block_s=0.05).start()
    leech = network.add()
    finish(network, leech)
    assert leech.node.tally().web_seeded == 0
    assert server.sent < len(network.content) / 2


def test_a_server_that_hangs_gives_its_range_back() -> None:
    """What it was asked for is asked of peers; they need not wait for the server."""
    network = Network(content_of(10), PIECE)
    server = network.add_web_server(hangs=True)
    leech = network.add()
    leech.start()
    network.run(5 * STALLED_S)
    assert len(server.asked) > 2
    assert {1, 2} <= leech.cancelled_ranges
    network.add(network.content).start()
    finish(network, leech)


def test_a_complete_node_asks_for_nothing() -> None:
    """A seed has no use for a web seed."""
    network = Network(content_of(10), PIECE)
    server = network.add_web_server()
    network.add(network.content).start()
    network.run(100.0)
    assert server.asked == []


def test_ranges_under_way_are_bounded() -> None:
    """However many servers a torrent lists."""
    network = Network(content_of(100), PIECE)
    servers = [network.add_web_server(hangs=True) for _ in range(10)]
    network.add().start()
    network.run(1.0)
    assert sum(len(server.asked) for server in servers) == MAX_RANGES


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("http://a/x", True),
        ("https://a:1/x/", True),
        ("ftp://a/x", False),
        ("file:///etc/passwd", False),
        ("http:///x", False),
        ("http://[1/x", False),
        ("x", False),
    ],
)
def test_only_http_is_used(url: str, good: bool) -> None:
    """BEP 19: protocols that one does not speak are ignored."""
    assert usable(url) == good


@given(st.sets(st.integers(0, 60), min_size=1))
def test_the_longest_run_is_found(pieces: set[int]) -> None:
    """The first of the longest."""
    start, length = bits.longest_run(sum(1 << piece for piece in pieces))
    runs = [
        (-next(n for n in range(62) if piece + n not in pieces), piece) for piece in pieces if piece - 1 not in pieces
    ]
    assert (-length, start) == min(runs)
