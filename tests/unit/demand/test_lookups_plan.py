"""Who has what, who looks for it and when, who leaves and who is killed: all of it before anything is started."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.demand.lookups import (
    PATIENCE_S,
    SETTLING_S,
    LookupPlan,
    lookups_rng,
    plan_lookups,
    replica_counts,
)
from harness.results.rarity import Rarity, rarity
from harness.results.step import Step
from harness.scenarios.model import Kill, Lookups

CALM = Lookups(items=32, rate=4.0, duration=25.0)


def plan(lookups: Lookups = CALM, nodes: int = 64, steadfast: int = 0, seed: int = 1) -> LookupPlan:
    return plan_lookups(lookups, nodes, steadfast, Random(seed))


def test_popularity_is_zipfs_from_a_quarter_of_the_nodes_down_to_one():
    """4 items, 64 nodes: 16/nˢ with 16/4ˢ = 1, so s = 2: 16, 4, 16/9, 1."""
    assert replica_counts(4, 64) == [16, 4, 2, 1]


def test_an_only_item_is_what_every_fourth_has():
    """There is no rarer one that could set the slope."""
    assert replica_counts(1, 1024) == [256]


def test_in_the_smallest_network_every_item_is_on_one_node():
    """A quarter of two nodes would be none."""
    assert replica_counts(3, 2) == [1, 1, 1]


def test_every_item_lies_on_as_many_different_nodes():
    """And no two items have one key."""
    items = plan(nodes=1024).items
    assert [len(set(item.places)) for item in items] == replica_counts(32, 1024)
    assert {len(item.key) for item in items} == {20}
    assert len({item.key for item in items}) == 32


def test_the_same_seed_plans_the_same_and_another_something_else():
    """For every contender, whose name has no part in it."""
    step = Step("swarm-dht", 64, 0)
    first, same = (plan_lookups(CALM, 64, 0, lookups_rng(7, each)) for each in (step, Step("swarm-gossip", 64, 0)))
    assert first == same
    others = [lookups_rng(8, step), lookups_rng(7, Step("swarm-dht", 64, 1)), lookups_rng(7, Step("swarm-dht", 65, 0))]
    assert all(plan_lookups(CALM, 64, 0, other).items != first.items for other in others)


def test_churn_and_killing_change_neither_items_nor_the_moments_of_lookups():
    """So that runs with and without them can be compared."""
    calm = plan()
    rough = plan(Lookups(32, 4.0, 25.0, churn=0.5, kill=Kill(0.3)))
    assert rough.items == calm.items
    assert [query.at_s for query in rough.queries] == [query.at_s for query in calm.queries]


def test_every_class_of_rarity_is_looked_for_equally_often():
    """100 lookups for items of four classes: 25 each, though only two items are on over a tenth of the nodes."""
    made = plan(nodes=1024)
    classes = Counter(rarity(len(made.items[query.item].places), 1024) for query in made.queries)
    assert classes == dict.fromkeys(Rarity, 25)


def test_lookups_come_in_order_within_the_time():
    """As many as the rate gives."""
    times = [query.at_s for query in plan().queries]
    assert len(times) == 100
    assert times == sorted(times)
    assert min(times) >= 0 and max(times) <= 25


def test_one_departure_for_every_share_of_a_minute():
    """60 % a minute of 64 nodes in 25 s: 16 of them, each another."""
    departures = plan(Lookups(32, 4.0, 25.0, churn=0.6)).departures
    assert len({left.place for left in departures}) == len(departures) == 16
    assert [left.at_s for left in departures] == sorted(left.at_s for left in departures)


def test_nobody_leaves_twice_before_all_have_left_once():
    """Everybody once in 60 s at 100 %, and two of four nodes a second time in 90 s."""
    departures = plan(Lookups(4, 1.0, 90.0, churn=1.0), nodes=4).departures
    assert sorted(Counter(left.place for left in departures[:4]).values()) == [1, 1, 1, 1]
    assert len(departures) == 6


def test_a_place_counts_its_generations():
    """A node that leaves makes room for the next."""
    made = plan(Lookups(32, 4.0, 25.0, churn=0.6))
    left = made.departures[3]
    assert made.generation(left.place, left.at_s - 0.001) == 0
    assert made.generation(left.place, left.at_s) == 1


def test_supernodes_stay():
    """Those who are chosen for staying do not churn."""
    assert min(left.place for left in plan(Lookups(32, 4.0, 60.0, churn=1.0), steadfast=8).departures) == 8


def test_a_share_of_all_is_killed_at_half_time():
    """30 % of 64 is 19."""
    made = plan(Lookups(32, 4.0, 25.0, kill=Kill(0.3)))
    assert (made.kill_at_s, len(set(made.killed))) == (12.5, 19)


def test_a_share_of_the_supernodes_is_killed():
    """Half of 8, and nobody else."""
    killed = plan(Lookups(32, 4.0, 25.0, kill=Kill(0.5, supernodes=True)), steadfast=8).killed
    assert len(set(killed)) == 4 and max(killed) < 8


def test_without_a_kill_nobody_dies():
    """And there is no moment of it."""
    assert (plan().kill_at_s, plan().killed) == (None, ())


lookups = st.builds(
    Lookups,
    items=st.integers(1, 40),
    rate=st.floats(0.1, 20),
    duration=st.floats(1, 60),
    churn=st.floats(0, 1),
    kill=st.none() | st.builds(Kill, st.floats(0.01, 1), st.booleans()),
)


@given(lookups, st.integers(2, 64), st.integers(0, 8), st.integers())
def test_whoever_is_killed_leaves_no_more(scenario, nodes, steadfast, seed):
    """A dead node can neither leave nor be replaced; what was planned of it falls away."""
    made = plan_lookups(scenario, nodes, min(steadfast, nodes), Random(seed))
    late = [left for left in made.departures if made.kill_at_s is not None and left.at_s >= made.kill_at_s]
    assert not {left.place for left in late} & set(made.killed)


@given(lookups, st.integers(2, 64), st.integers())
def test_whoever_looks_has_it_not_and_is_there_to_the_end(scenario, nodes, seed):
    """Unless everybody without it is about to leave, or has just come, or is to be killed: then anybody asks."""
    made = plan_lookups(scenario, nodes, 0, Random(seed))
    for query in made.queries:
        without = set(range(nodes)) - set(made.items[query.item].places)
        near = {left.place for left in made.departures if -SETTLING_S < left.at_s - query.at_s < PATIENCE_S}
        assert query.place in (without - near - set(made.killed) or without)


@pytest.mark.parametrize(
    ("replicas", "nodes", "expected"),
    [
        (1, 16, Rarity.SINGLE),
        (1, 4, Rarity.SINGLE),
        (2, 1024, Rarity.RARE),
        (10, 1000, Rarity.COMMON),
        (100, 1000, Rarity.COMMON),
        (101, 1000, Rarity.POPULAR),
    ],
)
def test_rarity_goes_by_the_share_of_nodes(replicas, nodes, expected):
    """But what a single node has is always the rarest."""
    assert rarity(replicas, nodes) is expected
