"""Theory of finding things, against values computed by hand or told in the literature."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.overlay_theory import epidemic_coverage, flood_reach, flood_success, kademlia_hops


def test_hops_are_the_binary_logarithm():
    """Ten for 1,024 nodes."""
    assert kademlia_hops(1024) == 10


@pytest.mark.parametrize(
    ("neighbours", "ttl", "reached"), [(4, 1, 4), (4, 2, 16), (4, 3, 52), (3, 4, 45), (2, 5, 10), (4, 0, 0)]
)
def test_a_flood_reaches_a_sum_of_rings(neighbours, ttl, reached):
    """With 4 neighbours 4, then 4·3 = 12 more, then 4·9 = 36; along a line two more a hop."""
    assert flood_reach(neighbours, ttl, 1_000_000) == reached


def test_a_flood_reaches_no_more_than_there_are():
    """Gnutella's 4 neighbours and 7 hops: 4·(3⁷ − 1)/2 = 4,372 of a large network, and the 99 others of a small one."""
    assert flood_reach(4, 7, 10_000) == 4372
    assert flood_reach(4, 7, 100) == 99


def test_one_replica_is_found_with_the_share_reached():
    """And two replicas in 1 − ¾²."""
    assert flood_success(1, 25, 101) == pytest.approx(0.25)
    assert flood_success(2, 25, 101) == pytest.approx(7 / 16)


def test_a_flood_that_reaches_all_finds_all():
    """However rare."""
    assert flood_success(1, 100, 101) == 1.0


@pytest.mark.parametrize(("fanout", "share"), [(2, 0.79681), (3, 0.94048), (4, 0.98017)])
def test_an_epidemic_covers_the_known_shares(fanout, share):
    """The giant component of a random graph with this mean degree (Erdős and Rényi), as tables give it."""
    assert epidemic_coverage(fanout) == pytest.approx(share, abs=1e-5)


def test_an_epidemic_of_less_than_one_dies_out():
    """Each tells one other at most: nobody, in the limit."""
    assert epidemic_coverage(0.5) == epidemic_coverage(1) == 0.0


@given(st.floats(1.05, 20))
def test_coverage_solves_its_equation(fanout):
    """π = 1 − e^(−fπ), and not by π = 0."""
    share = epidemic_coverage(fanout)
    assert 0 < share <= 1
    assert share == pytest.approx(1 - math.exp(-fanout * share), abs=1e-9)
