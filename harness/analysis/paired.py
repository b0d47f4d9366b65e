"""Statistics of pairs: by how much the second of each differs from the first, and how sure that is.

Pure functions of samples of xᵢ = ln(second/first). Paired, since two runs side by side share the machine's mood, which
single runs do not (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from harness.analysis.statistics import RESAMPLES, Interval


def log_ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """ln(second/first) of each pair; all values must be positive."""
    return [math.log(b / a) for a, b in zip(first, second, strict=True)]


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of all pairwise means, each value with itself included, of a non-empty sample.

    J. L. Hodges, E. L. Lehmann, "Estimates of location based on rank tests", 1963: nearly as precise as the mean where
    noise is normal, and unmoved by a few wild pairs.
    """
    return float(_hodges_lehmann(np.asarray(differences, dtype=float)[np.newaxis, :])[0])


def hodges_lehmann_interval(differences: Sequence[float], *, seed: int = 0, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval of the Hodges–Lehmann estimate; same seed, same interval."""
    sample = np.asarray(differences, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    estimates = _hodges_lehmann(sample[picks])
    tail = (1 - confidence) / 2
    low, high = np.quantile(estimates, [tail, 1 - tail])
    return Interval(float(low), float(high))


def wilcoxon_less(differences: Sequence[float]) -> float:
    """The probability of ranks as low as these, or lower, if the differences were symmetric about zero.

    The one-sided signed-rank test (F. Wilcoxon, 1945), exact at every size, with ties sharing their mean rank. Zeros
    are left out, as Wilcoxon did; with nothing left the answer is 1.
    """
    values = [value for value in differences if value != 0]
    doubled = _doubled_ranks([abs(value) for value in values])
    positive = sum(rank for rank, value in zip(doubled, values, strict=True) if value > 0)
    # How many of the 2ⁿ choices of signs give each sum of positive ranks; ranks are doubled so that ties stay whole.
    ways = np.zeros(sum(doubled) + 1)
    ways[0] = 1.0
    for rank in doubled:
        ways[rank:] = (ways[rank:] + ways[: len(ways) - rank]) / 2
        ways[:rank] /= 2
    return float(min(1.0, ways[: positive + 1].sum()))


def holm(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Each probability adjusted for there being several tests: none falsely called, at the same level for all.

    S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for index, name in enumerate(sorted(probabilities, key=lambda name: probabilities[name])):
        highest = max(highest, min(1.0, (len(probabilities) - index) * probabilities[name]))
        adjusted[name] = highest
    return adjusted


def _hodges_lehmann(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Row by row."""
    left, right = np.triu_indices(samples.shape[1])
    estimates: npt.NDArray[np.float64] = np.median((samples[:, left] + samples[:, right]) / 2, axis=1)
    return estimates


def _doubled_ranks(magnitudes: Sequence[float]) -> list[int]:
    """Twice each value's rank, those of equals being their mean."""
    ordered = sorted(magnitudes)
    first = {value: index for index, value in reversed(list(enumerate(ordered, start=1)))}
    last = {value: index for index, value in enumerate(ordered, start=1)}
    return [first[value] + last[value] for value in magnitudes]
