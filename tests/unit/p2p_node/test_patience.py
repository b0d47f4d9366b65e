"""How many peers a node looks for when a download takes long, and how often it tells them what it has."""

from __future__ import annotations

from random import Random

from p2p_node.boundary import Send
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.messages import BLOCK, Have, Haves
from tests.network import Network

CONTENT = Random(1).randbytes(96 * BLOCK)
ENOUGH = SwarmSettings().enough_connections
CRAMPED = SwarmSettings(enough_connections=4, max_connections=8)
LATER_S = 60.0
"""When everybody's patience is at its end, and nobody's download."""


def test_who_only_takes_from_slow_peers_looks_for_more_of_them() -> None:
    """Two minutes' worth of blocks lie with peers that have room: more of them bring more."""
    network = Network(CONTENT, BLOCK)
    for _ in range(3 * ENOUGH):
        network.add(CONTENT, block_s=30.0).start()
    leech = network.add()
    leech.start()
    network.run(20.0)
    before = connections(leech.node)
    network.run(LATER_S)
    assert before <= ENOUGH + 1 and connections(leech.node) >= 1.5 * ENOUGH


def test_who_gives_as_well_has_enough_peers() -> None:
    """Where everybody's uplink is busy, more peers bring nothing but their messages."""
    network = Network(CONTENT, BLOCK)
    network.add(CONTENT, block_s=0.05).start()
    crowd = [network.add(block_s=2.0) for _ in range(4 * ENOUGH)]
    for peer in crowd:
        peer.start()
    network.run(20.0)
    before = sum(connections(peer.node) for peer in crowd)
    network.run(LATER_S)
    assert not any(peer.completed_at for peer in crowd), "the step is too short to tell"
    assert sum(connections(peer.node) for peer in crowd) < 1.2 * before


def test_a_seed_that_idles_looks_for_those_it_had_no_place_for() -> None:
    """Else the others, who knew it for full, would download from each other alone."""
    network = Network(CONTENT, BLOCK, settings=CRAMPED)
    network.add(CONTENT, block_s=0.05).start()
    crowd = [network.add(block_s=4.0) for _ in range(6 * CRAMPED.max_connections)]
    for peer in crowd:
        peer.start()
    network.run(100.0)
    served = sum(peer.completed_at is not None for peer in crowd)
    assert served >= 2 * CRAMPED.max_connections


def test_a_seed_with_places_left_waits_to_be_found() -> None:
    """Who has peers enough would else be connected to every seed there is."""
    network = Network(CONTENT, BLOCK, settings=CRAMPED)
    seeds = [network.add(CONTENT, block_s=4.0) for _ in range(3 * CRAMPED.max_connections)]
    leeches = [network.add(block_s=4.0) for _ in range(2)]
    for peer in seeds + leeches:
        peer.start()
    network.run(20.0)
    assert max(connections(leech.node) for leech in leeches) < CRAMPED.max_connections


def test_on_a_slow_link_haves_keep_each_other_company() -> None:
    """Though two seconds may pass without a block, so that nothing seems to be uploaded."""
    network = Network(CONTENT, BLOCK)
    network.add(CONTENT, block_s=0.05).start()
    crowd = [network.add(block_s=4.0) for _ in range(2 * ENOUGH)]
    told: list[int] = []
    for peer in crowd:
        listen(peer.node, told)
        peer.start()
    network.run(LATER_S)
    told.clear()
    network.run(2 * LATER_S)
    assert len(told) < sum(told) / 2, "HAVEs went alone"


def connections(node: Node) -> int:
    """How many peers a node is connected to."""
    return len(node.swarm.connections)


def listen(node: Node, told: list[int]) -> None:
    """Note for each message that tells of pieces how many it tells of."""
    take = node.take_effects

    def taken() -> list[object]:
        effects = list(take())
        messages = [effect.message for effect in effects if isinstance(effect, Send)]
        told.extend(len(message.pieces) for message in messages if isinstance(message, Haves))
        told.extend(1 for message in messages if isinstance(message, Have))
        return effects

    node.take_effects = taken  # type: ignore[method-assign]
