"""Two runs of one scenario side by side: of each figure the second's as a multiple of the first's, and a verdict.

A difference is claimed only when it is more than a tie and its interval leaves 1 out. Runs are blocks in time, between
which the machine's mood changes, so the interval is wider than the usual one; to guard a revision, pairs are better
(harness.gate).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from harness.analysis.comparison import is_ahead, is_behind
from harness.analysis.statistics import Interval, median
from harness.results.schema import Row, Summary

CONFIDENCE = 0.99
"""Of the interval, where the repeats suffice."""
LEAST_CONFIDENCE = 0.95
"""With fewer repeats than four on both sides not even the whole range of ratios has it, and there is no interval."""


BLOCKS = 2.0
"""Repeats of one run are alike: a lag-1 correlation ρ of 0.6 was measured, which widens an interval by
√((1 + ρ)/(1 − ρ))."""


class Verdict(Enum):
    """What a row says."""

    SAME = "no difference"
    LESS = "less"
    MORE = "more"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one contender at one number of peers, in both runs; a `ratio` is second by first."""

    contender: str
    peers: int
    figure: str
    first: float | None
    second: float | None
    ratio: float | None
    interval: Interval | None
    repeats: tuple[int, int]
    verdict: Verdict

    @property
    def told(self) -> str:
        """The verdict in words."""
        match self.verdict, self.ratio:
            case Verdict.SAME, _:
                few = "" if self.interval else f", as far as {_count(min(self.repeats))} can tell"
                return f"{self.verdict.value}{few}"
            case Verdict.UNKNOWN, None:
                return "cannot tell: no valid row on one side"
            case Verdict.UNKNOWN, _:
                return f"cannot tell from {_count(min(self.repeats))}; from 4 on there is an interval"
            case Verdict.LESS, ratio if ratio:
                return f"{1 - ratio:.0%} less"
            case _:
                return f"{(self.ratio or 1) - 1:.0%} more"


def _count(repeats: int) -> str:
    return "1 repeat" if repeats == 1 else f"{repeats} repeats"


Figure = Callable[[Row], float | None]


def _seconds(row: Row) -> float | None:
    return row.completion_s.last


def _cpu(row: Row) -> float | None:
    spent = row.cpu_s_per_gib
    return None if spent.server is None or spent.peers is None else spent.server + spent.peers


def differences(first: Summary, second: Summary) -> list[Difference]:
    """Every contender and number of peers that both runs have, in the first's order; only valid rows count.

    The time until the last peer is done; and, where no link limits anybody, CPU-seconds for each GiB, too.
    """
    unlimited = all(row.bound_s is None for row in first.rows)
    figures: dict[str, Figure] = {"s until the last is done": _seconds}
    if unlimited:
        figures["CPU-s a GiB"] = _cpu
    theirs = {(row.contender, row.peers) for row in second.rows}
    keys = dict.fromkeys((row.contender, row.peers) for row in first.rows)
    return [
        _difference(key, name, _values(first, key, figure), _values(second, key, figure))
        for key in sorted(keys, key=lambda key: key[1])
        if key in theirs
        for name, figure in figures.items()
    ]


def _values(summary: Summary, key: tuple[str, int], figure: Figure) -> list[float]:
    rows = [row for row in summary.rows if row.valid and (row.contender, row.peers) == key]
    return [value for row in rows if (value := figure(row))]


def _difference(key: tuple[str, int], name: str, first: Sequence[float], second: Sequence[float]) -> Difference:
    ratio = median(second) / median(first) if first and second else None
    within = ratio_interval(first, second)
    interval = widened(within, ratio) if within and ratio else None
    return Difference(
        contender=key[0],
        peers=key[1],
        figure=name,
        first=median(first) if first else None,
        second=median(second) if second else None,
        ratio=ratio,
        interval=interval,
        repeats=(len(first), len(second)),
        verdict=_verdict(ratio, interval),
    )


def _verdict(ratio: float | None, interval: Interval | None) -> Verdict:
    if ratio is None:
        return Verdict.UNKNOWN
    if not is_ahead(ratio) and not is_behind(ratio):
        return Verdict.SAME
    if interval is None:
        return Verdict.UNKNOWN
    if interval.low <= 1 <= interval.high:
        return Verdict.SAME
    return Verdict.MORE if ratio > 1 else Verdict.LESS


def widened(interval: Interval, ratio: float) -> Interval:
    """The interval of a ratio of two runs, each of which had a mood of its own."""
    return Interval(ratio * (interval.low / ratio) ** BLOCKS, ratio * (interval.high / ratio) ** BLOCKS)


def ratio_interval(
    first: Sequence[float], second: Sequence[float], confidences: Sequence[float] = (CONFIDENCE, LEAST_CONFIDENCE)
) -> Interval | None:
    """The range of second by first that the rank-sum test does not reject, at the first of the confidences for which
    the repeats suffice; None where they suffice for none.

    E. L. Lehmann, "Nonparametrics", 1975, section 2.6: of all ratios of a pair, in order, the k-th from either end. It
    assumes no distribution, and unlike a bootstrap it keeps its promise with four values.
    """
    ways = _rank_sums(len(first), len(second))
    below = np.cumsum(ways) / ways.sum() if first and second else np.array([1.0])
    for confidence in confidences:
        cut = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
        if cut > 0:
            ratios = np.sort(np.divide.outer(np.asarray(second), np.asarray(first)).ravel())
            return Interval(float(ratios[cut - 1]), float(ratios[-cut]))
    return None


def _rank_sums(m: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """In how many of the orders of m and n values 0, 1, … of the m·n pairs are the wrong way round.

    The Gaussian binomial coefficient: a product of (1 − qⁿ⁺ⁱ)/(1 − qⁱ) for i = 1 … m.
    """
    ways = np.zeros(m * n + 1)
    ways[0] = 1.0
    for i in range(1, m + 1):
        for power in range(m * n, n + i - 1, -1):
            ways[power] -= ways[power - n - i]
        for power in range(i, m * n + 1):
            ways[power] += ways[power - i]
    assert math.isclose(ways.sum(), math.comb(m + n, m), rel_tol=1e-6)
    return ways
