"""Repeats taken together, as summary.json has them."""

from __future__ import annotations

import pytest
from records import MIB, row

from harness.analysis.repeats import repeats, spread
from harness.results.schema import Sources, Spread


def test_valid_repeats_give_a_median_and_its_interval() -> None:
    """Invalid ones take no part; sums are over what counted."""
    rows = [row("swarm", 4, last, repeat=i, sources=Sources(MIB, 3 * MIB)) for i, last in enumerate((4.0, 5.0, 4.5))]
    [together] = repeats([*rows, row("swarm", 4, 90.0, repeat=3, invalid="the machine was saturated")])
    assert (together.contender, together.peers, together.repeats) == ("swarm", 4, 3)
    assert together.completion_last_s == Spread(4.5, 4.0, 5.0)
    assert together.sources == Sources(3 * MIB, 9 * MIB)
    assert together.cpu_s_per_gib_server.median == pytest.approx(0.3)


def test_few_values_have_no_interval_and_none_no_median() -> None:
    """Two repeats have a range, and nothing has nothing."""
    assert spread([1.0, 3.0]) == Spread(2.0)
    assert spread([]) == Spread(None)


def test_a_group_without_a_valid_row_is_left_out() -> None:
    """There is nothing to say of it."""
    assert repeats([row("http", 1, 2.0, invalid="late")]) == []
