"""Lookups in modelled networks: against exhaustive search, closed forms, and what real nodes did."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.models import flooding, kademlia, lookup, supernodes
from harness.analysis.overlay_theory import flood_reach, flood_success, kademlia_hops

SEARCHES = 200


@given(st.integers(1, 60), st.integers(0, (1 << kademlia.BITS) - 1))
@settings(max_examples=30, deadline=None)
def test_the_nearest_are_those_that_a_search_of_all_finds(nodes, key):
    """By XOR, for any key."""
    network = kademlia.Network(nodes, 3)
    everybody = sorted(range(nodes), key=lambda node: network.ids[node] ^ key)
    assert network.nearest(key, kademlia.K) == everybody[: kademlia.K]


def test_buckets_hold_everybody_else_once():
    """Whatever shares no bit, one, two … with a node, together, is the network."""
    network = kademlia.Network(50, 1)
    for node in range(50):
        others = [other for shared in range(kademlia.BITS) for other in network.bucket(node, shared)]
        assert sorted([*others, node]) == list(range(50))


def test_a_table_is_the_same_whenever_it_is_asked():
    """At most K a bucket, none twice."""
    network = kademlia.Network(1000, 1)
    first, again = ([network.contacts(node, 0) for node in range(50)] for _ in range(2))
    assert first == again
    assert all(len(set(contacts)) == kademlia.K for contacts in first)


def test_what_a_node_knows_nearest_is_in_order():
    """And never the node itself."""
    network, rng = kademlia.Network(300, 1), Random(1)
    for node in range(0, 300, 7):
        key = rng.getrandbits(kademlia.BITS)
        known = network.known(node, key, kademlia.K)
        assert known == sorted(known, key=lambda other: network.ids[other] ^ key)
        assert len(known) == kademlia.K
        assert node not in known


def test_structured_lookups_find_all_in_few_hops():
    """As 1,024 real nodes did: all of them, in 1.9 hops with 23 messages on average; less than log₂ n, which grows."""
    found = lookup.figures("swarm-dht", 1024, SEARCHES, 1)
    assert found.success == 1
    assert found.hops == pytest.approx(1.9, abs=0.3)
    assert found.messages == pytest.approx(23, rel=0.1)
    larger = lookup.figures("swarm-dht", 16_384, SEARCHES, 1)
    assert larger.success == 1
    assert found.hops < larger.hops < kademlia_hops(16_384)


def test_floods_find_the_share_they_reach():
    """Four hops of 1,024 nodes: half of the single items, as measured; of 20,000 nodes no more than a tree's share."""
    found = lookup.figures("swarm-gossip", 1024, SEARCHES, 1)
    assert found.success == pytest.approx(0.5, abs=0.12)
    assert found.messages == pytest.approx(941, rel=0.2)
    reach = flood_reach(flooding.NEIGHBOURS, 4, 20_000)
    share = lookup.figures("swarm-gossip", 20_000, 1000, 1).success
    assert share <= flood_success(1, reach, 20_000) + 0.02


def test_a_flood_in_a_ring_counts_each_query():
    """In a complete graph of seven all six are one hop away: six queries, then five more from each in the next ring."""
    around, seen = flooding.graph(7, 0), np.zeros(7, np.bool_)
    found = flooding.flood(around, 0, 3, seen)
    assert found.hops == 1
    assert found.messages == 6 + 3 * (6 + 6 * 5) + 2 + 4  # rings of 1 and of 2, 3 and 4 hops; asked; four hits
    assert not seen.any()


def test_walks_end_when_somebody_has_it():
    """Among two nodes each step finds it; so the shortest walk of 16 walkers is the cost."""
    [*found], entries = flooding.walks(2, 10, 1)
    assert all(search.hops == 1 for search in found)
    assert entries == 1


def test_supernodes_answer_in_two_hops():
    """And their state grows with the cluster, not with the network, as far as filters hold the keys."""
    found = lookup.figures("swarm-supernode", 1_000_000, SEARCHES, 1)
    assert found.success == 1
    assert found.hops == pytest.approx(2, abs=0.05)
    assert found.messages < 10


def test_clusters_that_overfill_their_filters_are_not_found_from_elsewhere():
    """65 supernodes of 50,000 keys each: more than half of the bits would be set."""
    assert supernodes.fill(50_000) > supernodes.MAX_FILL > supernodes.fill(15_000)
    assert lookup.figures("swarm-supernode", 65 * 50_000, SEARCHES, 1).success < 0.1


@pytest.mark.parametrize("contender", lookup.FAMILIES)
def test_the_same_seed_gives_the_same_figures(contender):
    """Two nodes find each other, too."""
    first, again = (lookup.figures(contender, 200, 50, 9) for _ in range(2))
    assert first == again
    assert lookup.figures(contender, 2, 20, 1).success == 1
