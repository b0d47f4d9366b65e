"""Comparison: how much sooner one contender's last peer is done than another's, and from how many peers on.

Only valid points count, and only numbers of peers at which both have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.points import Point

TIE = 0.05
"""Two contenders closer than this count as equal: about what two runs of the same differ by."""

BASELINE = "http"
"""What the others are measured against, where it took part: the central server."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger against the baseline."""

    baseline: str
    challenger: str
    speedups: Mapping[int, float]
    """By number of peers, ascending: the baseline's last completion divided by the challenger's."""

    @property
    def crossover(self) -> int | None:
        """The least number of peers from which on the challenger stays ahead, as far as measured; None if never."""
        ahead: int | None = None
        for peers, speedup in reversed(list(self.speedups.items())):
            if not is_ahead(speedup):
                break
            ahead = peers
        return ahead


def is_ahead(speedup: float) -> bool:
    """Whether a speed-up is more than a tie."""
    return speedup > 1 + TIE


def is_behind(speedup: float) -> bool:
    """Whether it is a slow-down by more than a tie: the mirror image of being ahead."""
    return speedup < 1 / (1 + TIE)


def compare(points: Sequence[Point], baseline: str, challenger: str) -> Comparison:
    """The comparison of two contenders; `points` come from `analysis.points.points`."""
    theirs, ours = _lasts(points, baseline), _lasts(points, challenger)
    return Comparison(baseline, challenger, {n: theirs[n] / ours[n] for n in sorted(theirs.keys() & ours.keys())})


def _lasts(points: Sequence[Point], contender: str) -> dict[int, float]:
    return {p.peers: p.last_s for p in points if p.contender == contender and p.valid and p.last_s}


def comparisons(points: Sequence[Point]) -> list[Comparison]:
    """Every other contender against the baseline: `http` if it took part, else the first contender."""
    names = list(dict.fromkeys(point.contender for point in points))
    if not names:
        return []
    baseline = BASELINE if BASELINE in names else names[0]
    return [compare(points, baseline, name) for name in names if name != baseline]
