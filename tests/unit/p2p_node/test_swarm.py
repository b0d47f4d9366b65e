"""Whole swarms of real cores over a fake network: they finish, waste little, and survive peers that die or lie."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_node.core.company import FORMING_S
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from tests.network import FakePeer, Network

PIECE = 32 * 1024


def content_of(pieces: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(pieces * PIECE - 1000)


def finish(network: Network, leeches: list[FakePeer], until: float = 600.0) -> None:
    network.run(until, lambda: all(peer.completed_at is not None or peer.gone for peer in leeches))
    for peer in leeches:
        assert peer.gone or peer.completed_at is not None, f"peer {peer.address} is stuck at {network.now:.1f} s"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10**6), leave=st.booleans())
def test_every_peer_gets_the_content(seed: int, leave: bool) -> None:
    """Whatever the sizes, delays, rates and arrivals – also when peers leave as soon as they are complete."""
    rng = Random(seed)
    content = rng.randbytes(rng.randrange(1, 30) * 50_000)
    network = Network(content, rng.choice([16384, 32768, 65536]), seed)
    network.delay_s = rng.choice([0.0001, 0.01, 0.1])
    network.add(content, block_s=rng.choice([0.001, 0.01])).start()
    leeches = [network.add(block_s=rng.choice([0.001, 0.01, 0.03])) for _ in range(rng.randrange(1, 8))]
    for peer in leeches:
        network.at(rng.choice([0.0, rng.random()]), peer.start)
    if leave:
        network.kill_when_complete(leeches)
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in leeches))
    assert all(bytes(peer.content) == content for peer in leeches)


def test_the_seed_sends_hardly_a_piece_twice_before_every_piece_has_left_once() -> None:
    """In a flash crowd a file's worth of blocks out of the seed is a file, but for the last pieces under way."""
    content = content_of(100)
    network = Network(content, PIECE)
    seed = network.add(content)
    seed.start()
    leeches = [network.add() for _ in range(12)]
    for peer in leeches:
        peer.start()
    finish(network, leeches)
    blocks = -(-len(content) // 16384)
    assert len(set(seed.sent_blocks[:blocks])) >= 0.96 * blocks


def test_a_flash_crowd_comes_close_to_the_bound_and_wastes_little() -> None:
    """With equal links the last peer is done within 15 % of the fluid bound, with under 1 % of the bytes wasted."""
    content = content_of(256)
    network = Network(content, PIECE)
    block_s = 0.01
    network.add(content, block_s=block_s).start()
    leeches = [network.add(block_s=block_s) for _ in range(16)]
    for peer in leeches:
        peer.start()
    finish(network, leeches)
    blocks = -(-len(content) // 16384)
    bound = max(blocks * block_s, len(leeches) * blocks * block_s / (len(leeches) + 1))
    assert network.now < 1.15 * bound
    wasted = sum(peer.node.tally().wasted for peer in leeches)
    assert wasted < 0.01 * len(leeches) * len(content)


def test_the_connections_of_a_flash_crowd_spread_evenly() -> None:
    """Whoever has twice the neighbours of another gets twice as much, and the other is the last."""
    content = content_of(640)  # nobody can tell yet who falls behind
    enough = 8
    network = Network(content, PIECE, settings=SwarmSettings(enough_connections=enough))
    seed = network.add(content)
    leeches = [network.add() for _ in range(32)]
    for peer in network.peers:
        peer.start()
    network.run(FORMING_S + 0.2)
    assert len(seed.links) == len(leeches)
    neighbours = sorted(len(peer.links) for peer in leeches)
    assert neighbours[0] >= enough
    assert neighbours[3 * len(leeches) // 4] <= enough + 1 and neighbours[-1] < 1.5 * enough
    finish(network, leeches)


def test_a_crowd_that_comes_one_by_one_does_not_fall_into_circles_of_contemporaries() -> None:
    """Who comes first leaves half of its places to those who come after it. Of neighbours that were drawn by lot one
    would come a third of the crowd after the other; where all places go to contemporaries it is a twentieth."""
    network = Network(content_of(64), PIECE, settings=SwarmSettings(enough_connections=8))
    network.add(network.content).start()
    leeches = [network.add() for _ in range(60)]
    for place, peer in enumerate(leeches):
        network.at(place * 0.01, peer.start)
    network.run(FORMING_S + 0.7)
    places = {peer.address: place for place, peer in enumerate(leeches)}
    apart = [
        abs(place - places[link.address])
        for place, peer in enumerate(leeches)
        for link in peer.node.swarm.connections.values()
        if link.address in places
    ]
    assert sum(apart) / len(apart) > len(leeches) / 8


def test_a_late_comer_is_let_in_by_peers_that_have_enough_connections() -> None:
    """They turn others away only while the swarm forms; half of its places it dials at once, and the
    others as soon as it takes the swarm for formed."""
    network = Network(content_of(400), PIECE, settings=SwarmSettings(enough_connections=4))
    network.add(network.content).start()
    leeches = [network.add() for _ in range(8)]
    for peer in leeches:
        peer.start()
    network.run(FORMING_S)
    late = network.add()
    late.start()
    network.run(FORMING_S + 0.1)
    assert len(late.links) >= 2
    network.run(2 * FORMING_S + 0.1)
    assert len(late.links) >= 4


def test_the_death_of_peers_does_not_stop_the_others() -> None:
    """A third of the peers reset all their connections in mid-transfer; the rest still get everything."""
    content = content_of(80)
    network = Network(content, PIECE, seed=3)
    network.add(content).start()
    leeches = [network.add() for _ in range(9)]
    for peer in leeches:
        peer.start()
    for index, peer in enumerate(leeches[:3]):
        network.at(0.3 + 0.2 * index, peer.die)
    finish(network, leeches)
    assert sum(peer.completed_at is not None for peer in leeches) == 6


def test_a_new_seed_completes_what_the_first_left_unfinished() -> None:
    """When the only seed dies before every piece left it, another that joins later is enough."""
    content = content_of(60)
    network = Network(content, PIECE, seed=4)
    first = network.add(content)
    first.start()
    leeches = [network.add() for _ in range(4)]
    for peer in leeches:
        peer.start()
    network.at(0.3, first.die)
    network.at(5.0, lambda: network.add(content).start())
    finish(network, leeches)


def test_a_liar_is_banned_and_the_content_is_right() -> None:
    """A seed that sends wrong bytes is closed for it, and its victims finish from the honest one."""
    content = content_of(40)
    network = Network(content, PIECE, seed=5)
    network.add(content).start()
    liar = network.add(content, lies=True)
    liar.start()
    leeches = [network.add() for _ in range(3)]
    for peer in leeches:
        peer.start()
    finish(network, leeches)
    for peer in leeches:
        assert bytes(peer.content) == content
        assert any("which is wrong" in reason for reason in peer.closed)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_fixed_slots_choke_but_do_not_starve(slots: int) -> None:
    """With a fixed number of upload slots every peer still finishes, as the optimistic slot rotates."""
    content = content_of(20)
    network = Network(content, PIECE, seed=6, settings=SwarmSettings(slots=slots))
    network.add(content).start()
    leeches = [network.add() for _ in range(8)]
    for peer in leeches:
        peer.start()
    finish(network, leeches, until=2000.0)


def test_the_same_seed_gives_the_same_run() -> None:
    """The core has no clock and no randomness of its own."""

    def run() -> tuple[float, list[list[tuple[int, int]]]]:
        content = content_of(30)
        network = Network(content, PIECE, seed=7)
        network.add(content).start()
        leeches = [network.add() for _ in range(5)]
        for peer in leeches:
            peer.start()
        finish(network, leeches)
        return network.now, [peer.sent_blocks for peer in network.peers]

    assert run() == run()


def test_a_peer_that_comes_with_pieces_is_not_kept_waiting_by_a_thrifty_seed() -> None:
    """Pieces assigned to it before it said that it has them count as delivered at once, not when patience ends."""
    content = content_of(40)
    network = Network(content, PIECE, seed=8)
    network.add(content).start()
    early = network.add()
    early.start()
    network.at(0.3, early.die)
    network.run(1.0)
    resumed = network.add()
    resumed.content[:] = early.content
    have = early.node.swarm.have
    assert have
    resumed.node = Node(
        network.metainfo, b"-SB0100-resumed-here", resumed.address, have, network.settings, Random(1), network.now
    )
    resumed.start()
    finish(network, [resumed], until=network.now + 5.0)
