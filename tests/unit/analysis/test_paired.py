"""Statistics of pairs, against SciPy and against what is known by hand."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.paired import hodges_lehmann, hodges_lehmann_interval, holm, log_ratios, wilcoxon_less
from harness.analysis.statistics import RESAMPLES

SAMPLES = 1_000

differences = st.lists(st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 3)), min_size=1, max_size=12)


def random_samples(smallest=3, largest=30, digits=None):
    """Of sizes and shifts as a gate meets them; rounded, some values are equal or zero."""
    rng = np.random.default_rng(7)
    for _ in range(SAMPLES):
        sample = rng.normal(rng.uniform(-0.2, 0.1), 0.15, size=int(rng.integers(smallest, largest + 1)))
        yield sample if digits is None else np.round(sample, digits)


def test_wilcoxon_agrees_with_scipy():
    """Whose exact method knows no ties and no zeros."""
    for sample in random_samples():
        expected = scipy.stats.wilcoxon(sample, alternative="less", method="exact").pvalue
        assert wilcoxon_less(list(sample)) == pytest.approx(expected, abs=1e-12)


@given(differences)
def test_wilcoxon_counts_all_signs(sample):
    """With ties too: the share of all choices of signs whose positive ranks sum to no more."""
    values = [value for value in sample if value]
    ranks = scipy.stats.rankdata([abs(value) for value in values]) if values else []
    seen = sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0)
    signs = list(itertools.product((0, 1), repeat=len(values)))
    sums = [sum(rank for rank, sign in zip(ranks, choice, strict=True) if sign) for choice in signs]
    assert wilcoxon_less(sample) == pytest.approx(sum(total <= seen for total in sums) / len(signs))


def test_hodges_lehmann_is_the_median_of_pairwise_means():
    """Checked against its definition, spelt out, on every sample."""
    for sample in itertools.chain(random_samples(), random_samples(digits=2)):
        values = list(sample)
        means = [(a + b) / 2 for i, a in enumerate(values) for b in values[i:]]
        assert hodges_lehmann(values) == pytest.approx(statistics.median(means))


def test_one_wild_pair_does_not_move_the_estimate():
    """Which a mean would follow."""
    calm = [-0.01, 0.0, 0.01, 0.02, -0.02, 0.015, -0.015, 0.005, -0.005]
    assert abs(hodges_lehmann([*calm, 5.0])) < 0.02


def test_the_bootstrap_interval_agrees_with_scipy():
    """Both resample at random: a fortieth of SciPy's estimates lies beyond each of our ends, give or take chance.

    The share differs by .005 of standard deviation, 2,000 times: by .022 once in a hundred such tests.
    """
    for sample in random_samples(smallest=9, largest=16):
        ours = hodges_lehmann_interval(list(sample))
        theirs = scipy.stats.bootstrap(
            (sample,), median_of_pairwise_means, n_resamples=RESAMPLES, method="percentile", rng=1
        ).bootstrap_distribution
        for beyond, with_equals in ((theirs < ours.low, theirs <= ours.low), (theirs > ours.high, theirs >= ours.high)):
            assert beyond.mean() < 0.025 + 0.022
            assert with_equals.mean() > 0.025 - 0.022


def median_of_pairwise_means(samples, axis):
    """Hodges and Lehmann's estimate along the last axis, as SciPy asks for it."""
    assert axis in (-1, samples.ndim - 1)
    left, right = np.tril_indices(samples.shape[-1])
    return np.median((samples[..., left] + samples[..., right]) / 2, axis=-1)


def test_the_interval_is_the_same_for_the_same_seed():
    """A verdict can be computed again."""
    sample = [0.1, -0.2, 0.3, 0.05, -0.01, 0.2]
    assert hodges_lehmann_interval(sample, seed=3) == hodges_lehmann_interval(sample, seed=3)


def test_log_ratios_are_of_the_second_to_the_first():
    """A halved rate is ln ½."""
    assert log_ratios([2.0, 1.0], [1.0, 1.0]) == [pytest.approx(-math.log(2)), 0.0]


def test_holm_by_hand():
    """Holm's example: the smallest is multiplied by the number of tests, and none overtakes a smaller one."""
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({}) == {}


def test_nothing_but_zeros_proves_nothing():
    """Two equal arms are no regression."""
    assert wilcoxon_less([0.0] * 20) == 1.0
