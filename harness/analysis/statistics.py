"""Statistics of small samples: percentiles, and how sure a median is. Pure functions of their arguments."""

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


INTERVAL_NEEDS = 3
"""Two repeats have a range, not an interval."""

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
