"""Points over repeats, ratios between contenders, and the crossover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import row

from harness.analysis.comparison import comparisons
from harness.analysis.points import points


def only(rows):
    [comparison] = comparisons(points(rows))
    return comparison


def versus(http: dict[int, float], swarm: dict[int, float]):
    return [row(name, n, last) for name, lasts in (("http", http), ("swarm", swarm)) for n, last in lasts.items()]


def test_a_point_is_the_median_of_its_repeats():
    """One slow repeat does not move it."""
    [point] = points(row("http", 4, last, repeat=i) for i, last in enumerate([8.0, 30.0, 8.2]))
    assert (point.last_s, point.repeats, point.completed, point.failed) == (8.2, 3, 12, 0)
    assert point.last_interval == pytest.approx((8.0, 30.0))


def test_invalid_repeats_do_not_count_but_their_reason_is_kept():
    """The point stands on what is left."""
    [point] = points([row("http", 4, 8.0), row("http", 4, 99.0, repeat=1, invalid="saturated")])
    assert (point.last_s, point.valid, point.repeats, point.reasons) == (8.0, True, 1, ("saturated",))


def test_a_point_without_a_valid_repeat_shows_what_was_seen_and_is_not_valid():
    """So that a table can strike it through."""
    [point] = points([row("http", 4, 8.0, invalid="saturated")])
    assert (point.last_s, point.valid) == (8.0, False)


def test_a_crashed_step_is_a_point_without_figures():
    """None is not zero."""
    [point] = points([row("swarm", 4, None, invalid="crashed")])
    assert (point.last_s, point.goodput, point.cpu_s_per_gib.peers, point.completed) == (None, None, None, 0)


def test_points_are_in_order_of_peers():
    """Contenders keep the order of their first rows."""
    found = points([row("swarm", 4, 1.0), row("http", 4, 1.0), row("swarm", 1, 1.0)])
    assert [(p.peers, p.contender) for p in found] == [(1, "swarm"), (4, "swarm"), (4, "http")]


def test_speedup_is_the_baselines_time_over_the_challengers():
    """56 s against 8 s."""
    assert only(versus({32: 56.0}, {32: 8.0})).speedups == {32: 7.0}


def test_the_crossover_is_where_the_lead_begins():
    """Behind at 1, ahead at 2 and 4."""
    assert only(versus({1: 2, 2: 4, 4: 8}, {1: 2.5, 2: 3, 4: 4})).crossover == 2


def test_a_lead_that_is_lost_again_is_no_crossover():
    """Ahead at 2, behind at 4."""
    assert only(versus({1: 2, 2: 4, 4: 8}, {1: 2.5, 2: 3, 4: 9})).crossover is None


def test_a_lead_counts_from_its_last_beginning():
    """Ahead at 1, level at 2, ahead from 4."""
    assert only(versus({1: 2, 2: 4, 4: 8, 8: 16}, {1: 1.5, 2: 4, 4: 4, 8: 5})).crossover == 4


def test_a_lead_within_a_tie_is_no_lead():
    """Three per cent is noise."""
    assert only(versus({1: 1.03}, {1: 1.0})).crossover is None


def test_only_numbers_of_peers_that_both_mastered_are_compared():
    """A missing or an invalid point leaves a gap."""
    rows = [*versus({1: 2, 2: 4, 4: 8}, {2: 3}), row("swarm", 4, 1.0, invalid="saturated")]
    assert list(only(rows).speedups) == [2]


def test_http_is_the_baseline_wherever_it_stands():
    """And the first contender where it did not take part."""
    assert only([row("swarm", 1, 1.0), row("http", 1, 1.0)]).baseline == "http"
    assert only([row("nginx", 1, 1.0), row("swarm", 1, 1.0)]).baseline == "nginx"


def test_nothing_compares_with_nothing():
    """No rows, no comparison."""
    assert comparisons(points([])) == []


@given(st.dictionaries(st.integers(1, 64), st.floats(0.1, 10), min_size=1))
def test_from_the_crossover_on_the_challenger_is_ahead_and_just_before_it_is_not(speedups):
    """By definition."""
    comparison = only(versus(dict.fromkeys(speedups, 10.0), {n: 10 / ratio for n, ratio in speedups.items()}))
    counts, crossover = list(comparison.speedups), comparison.crossover
    begin = len(counts) if crossover is None else counts.index(crossover)
    assert all(comparison.speedups[n] > 1.05 for n in counts[begin:])
    assert begin == 0 or comparison.speedups[counts[begin - 1]] <= 1.05
