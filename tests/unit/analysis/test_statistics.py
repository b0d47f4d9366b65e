"""Statistics against numpy, and against what they are defined to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.statistics import median, median_interval, percentile
from harness.results.fairness import jain

figures = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(figures, st.floats(0, 100))
def test_percentiles_are_numpys(values, q):
    """Both interpolate linearly between neighbours."""
    assert percentile(values, q) == pytest.approx(float(np.percentile(values, q)), rel=1e-9, abs=1e-6)


def test_the_median_of_two_lies_between_them():
    """It is not one of the two."""
    assert median([4.0, 1.0]) == 2.5


@given(st.lists(st.floats(0, 1e200), min_size=1, max_size=40))
def test_fairness_lies_between_one_nth_and_one(rates):
    """Jain's index has these ends, for rates of any magnitude."""
    assert 1 / len(rates) - 1e-9 <= jain(rates) <= 1 + 1e-9


def test_fairness_of_equal_shares_and_of_one_taking_all():
    """1 when all get the same, 1/n when one gets everything."""
    assert jain([7.0] * 5) == pytest.approx(1.0)
    assert jain([7.0, 0, 0, 0]) == pytest.approx(0.25)
    assert jain([0.0, 0.0]) == 1.0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_an_interval_holds_its_median(values):
    """And lies within the sample."""
    low, high = median_interval(values)
    assert min(values) - 1e-6 <= low <= median(values) + 1e-6
    assert median(values) - 1e-6 <= high <= max(values) + 1e-6


def test_an_interval_is_reproducible():
    """The same seed gives the same interval."""
    values = list(np.random.default_rng(3).normal(10, 1, 15))
    assert median_interval(values, seed=5) == median_interval(values, seed=5)


def test_an_interval_covers_the_true_median_about_as_often_as_it_says():
    """Of 200 samples of 25, at least 90 % have the true median in their 95 % interval."""
    rng = np.random.default_rng(11)
    intervals = [median_interval(list(rng.exponential(1.0, 25)), seed=i) for i in range(200)]
    assert sum(low <= np.log(2) <= high for low, high in intervals) >= 180
