"""Requests under way: whatever is asked, answered and given back in any order, the books agree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2p_node.core.connection import Connection
from p2p_node.core.requests import Requests, by_wait
from p2p_node.wire.messages import BLOCK

PIECES = 3
ALL = 0xFF


def connections(count: int) -> list[Connection]:
    return [Connection(number, ("10.0.0.1", number), True, 0.0) for number in range(count)]


steps = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, PIECES - 1), st.integers(1, ALL), st.booleans()),
    max_size=60,
)


@given(steps)
def test_the_books_agree_with_a_plain_table(taken: list[tuple[int, int, int, bool]]) -> None:
    """A table of (connection, piece, block) to when it was asked for says the same after each step."""
    peers = connections(2)
    requests = Requests()
    table: dict[tuple[int, int, int], float] = {}
    for now, (who, piece, blocks, ask) in enumerate(taken):
        mine = {block for block in range(8) if (who, piece, block) in table}
        named = {block for block in range(8) if blocks >> block & 1}
        if ask:
            new = named - mine
            if new:
                requests.add(peers[who], piece, sum(1 << block for block in new), float(now))
            table.update({(who, piece, block): float(now) for block in new})
        else:
            last = max((table.pop((who, piece, block)) for block in named & mine), default=None)
            assert requests.remove(peers[who], piece, blocks) == last
        assert requests.count == len(table)
        for number, peer in enumerate(peers):
            assert len(peer.pending) == sum(key[0] == number for key in table)
        for index in range(PIECES):
            asked = {block for _, its_piece, block in table if its_piece == index}
            assert requests.among(index, ALL) == sum(1 << block for block in asked)


def test_the_end_game_takes_the_last_block_that_one_peer_alone_was_asked_for() -> None:
    """Peers answer in order, so that one would come last."""
    slow, fast = connections(2)
    fast.have = ALL
    fast.peer_choking = False
    fast.latency = 0.1
    fast.download.add(1 << 20, 1.9)
    requests = Requests()
    requests.add(slow, 0, 0b1111, 0.0)
    requests.add(fast, 0, 0b1000, 1.0)
    assert requests.latest_elsewhere(fast, by_wait([slow, fast], 2.0), 2.0) == (0, 2)


def test_the_end_game_leaves_a_block_to_a_peer_that_will_soon_send_it() -> None:
    """Another copy of it would only be wasted."""
    quick, other = connections(2)
    other.have = ALL
    other.peer_choking = False
    other.latency = 0.1
    other.download.add(1 << 20, 1.9)
    quick.download.add(1 << 20, 1.9)
    requests = Requests()
    requests.add(quick, 0, 0b11, 1.9)
    assert requests.latest_elsewhere(other, by_wait([quick, other], 2.0), 2.0) is None


def test_the_end_game_knows_how_far_apart_a_slow_peer_sends_its_blocks() -> None:
    """Half a minute apart, the last two seconds say nothing: none came in them, or one."""
    slow, slower = connections(2)
    slow.have = ALL
    slow.peer_choking = False
    slow.latency, slow.spacing, slower.spacing = 1.0, 20.0, 25.0
    slower.last_block = 99.0
    slower.download.add(BLOCK, 99.0)
    requests = Requests()
    requests.add(slower, 0, 0b1, 99.0)
    assert requests.latest_elsewhere(slow, by_wait([slow, slower], 100.0), 100.0) is None
    slower.spacing = 40.0
    assert requests.latest_elsewhere(slow, by_wait([slow, slower], 100.0), 100.0) == (0, 0)


def test_the_end_game_leaves_a_block_to_a_peer_whose_turn_is_near() -> None:
    """Among peers that all take long it comes next from who was asked first, and last from who is much too late."""
    asking, asked_long_ago, just_asked, silent = connections(4)
    asking.have = ALL
    asking.peer_choking = False
    asking.latency = 1.0
    requests = Requests()
    for block, (other, waits) in enumerate([(asked_long_ago, 39.0), (just_asked, 5.0), (silent, 90.0)]):
        other.spacing, other.last_block = 40.0, 100.0 - waits
        requests.add(other, 0, 1 << block, 100.0 - waits)
    assert requests.latest_elsewhere(asking, by_wait([asked_long_ago], 100.0), 100.0) is None
    assert requests.latest_elsewhere(asking, by_wait([asked_long_ago, just_asked], 100.0), 100.0) == (0, 1)
    assert requests.latest_elsewhere(asking, by_wait([asked_long_ago, just_asked, silent], 100.0), 100.0) == (0, 2)
