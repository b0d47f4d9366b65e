"""The plan of arrivals: a pure function with the properties that a comparison rests on."""

from __future__ import annotations

from random import Random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from harness.demand.plan import arrivals_rng, plan_arrivals
from harness.results.step import Step
from harness.scenarios.model import Arrival, Demand

DEMANDS = st.builds(Demand, arrival=st.sampled_from(Arrival), over=st.floats(0.1, 1e4))
PEERS = st.integers(1, 300)


@given(DEMANDS, PEERS, st.integers())
def test_there_is_one_arrival_for_each_peer_in_order_from_zero(demand, peers, seed):
    """Offsets are sorted, start at 0 and lie within `over`."""
    arrivals = plan_arrivals(demand, peers, Random(seed))
    assert len(arrivals) == peers
    assert arrivals == sorted(arrivals)
    assert arrivals[0] == 0
    assert arrivals[-1] <= demand.over


@given(DEMANDS, PEERS, st.integers(0, 2**63 - 1))
def test_the_plan_depends_on_the_seed_and_not_on_the_contender(demand, peers, seed):
    """Both sides of a comparison meet the same demand, today and tomorrow."""
    one, other = (plan_arrivals(demand, peers, arrivals_rng(seed, Step(name, peers, 0))) for name in ("http", "swarm"))
    assert one == other


def test_another_repeat_is_another_sample():
    """Repeats would teach nothing about arrivals if they repeated them."""
    demand = Demand(Arrival.POISSON, 60)
    one, other = (plan_arrivals(demand, 8, arrivals_rng(1, Step("http", 8, repeat))) for repeat in (0, 1))
    assert one != other


@given(PEERS)
def test_a_flash_crowd_comes_at_once(peers):
    """Whatever `over` says."""
    assert plan_arrivals(Demand(Arrival.FLASH, 5), peers, Random(0)) == [0.0] * peers


def test_a_ramp_is_even():
    """Neighbours are over / peers apart."""
    assert plan_arrivals(Demand(Arrival.RAMP, 20), 4, Random(0)) == [0, 5, 10, 15]


def test_poisson_arrivals_spread_over_the_whole_time():
    """Their mean is the middle, as for any uniform sample."""
    arrivals = plan_arrivals(Demand(Arrival.POISSON, 100), 2000, Random(1))
    assert 47 < mean(arrivals) < 53
    assert max(arrivals) > 95
