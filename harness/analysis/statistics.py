"""Statistics of small samples: percentiles, fairness, and how sure a median is. Pure functions of their arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A range that holds the true value with the stated confidence."""

    low: float
    high: float


def percentile(values: Sequence[float], q: float) -> float:
    """The value below which `q` per cent of a non-empty sample lie, between neighbours by linear interpolation.

    Type 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages", 1996: the default of numpy, R and spreadsheets.
    """
    ordered = sorted(values)
    position = (len(ordered) - 1) * q / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """The middle of a non-empty sample."""
    return percentile(values, 50)


def jain(rates: Sequence[float]) -> float:
    """Fairness of an allocation: 1 when all get the same, 1/n when one gets everything.

    (Σx)² / (n·Σx²), from R. Jain, D. Chiu, W. Hawe, DEC-TR-301, 1984. Nobody getting anything is fair.
    """
    largest = max(rates)
    if largest == 0:
        return 1.0
    shares = [rate / largest for rate in rates]  # so that squares neither overflow nor vanish
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


RESAMPLES = 2000
"""Enough for the ends of a 95 % interval to be settled to about a tenth of its width."""


def median_interval(values: Sequence[float], *, seed: int = 0, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval of a non-empty sample's median (Efron & Tibshirani, 1993, chapter 13); same seed,
    same interval.

    Of fewer than six values it is all but their range: say how many there were.
    """
    sample = np.asarray(values, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    medians = np.median(sample[picks], axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return Interval(float(low), float(high))
