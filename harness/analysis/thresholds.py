"""Whether a run reached its thresholds: each metric of each step against what was asked of it.

The rule: what nobody measured is never said to be reached.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.analysis.statistics import median
from harness.results.schema import LookupRow, Row, Summary
from harness.results.step import count_of_peers
from harness.scenarios.model import Threshold

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

COUNTED_ANYWAY = ("completed", "failed", "late_starts")
"""Metrics for which invalid rows count too, since they are what makes a row invalid."""


class Reached(StrEnum):
    """What is known of a threshold."""

    YES = "reached"
    NO = "crossed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Checked:
    """A threshold at one point of the run; `value` is the median over repeats, None where there is none."""

    threshold: Threshold
    point: str
    value: float | None

    @property
    def reached(self) -> Reached:
        """Whether the value is what it has to be."""
        if self.value is None:
            return Reached.UNKNOWN
        return Reached.YES if COMPARISONS[self.threshold.comparison](self.value, self.threshold.value) else Reached.NO


def check(thresholds: Sequence[Threshold], summary: Summary) -> list[Checked]:
    """Every threshold at every contender and number of peers (of lookups: at every rarity and phase, too)."""
    rows: dict[tuple[str, str], list[Row | LookupRow]] = {}
    measured: list[Row | LookupRow] = [*summary.rows, *summary.lookup_rows]
    for row in measured:
        rows.setdefault((row.contender, _point(row)), []).append(row)
    return [
        Checked(threshold, point, _value(threshold, found))
        for threshold in thresholds
        for (contender, point), found in rows.items()
        if threshold.contender in (None, contender)
    ]


def outcome(checked: Sequence[Checked]) -> Reached:
    """Of all: crossed if one is, else unknown if one is."""
    found = {each.reached for each in checked}
    return next((each for each in (Reached.NO, Reached.UNKNOWN) if each in found), Reached.YES)


def read_metric(row: Row | LookupRow, metric: str) -> float | None:
    """A metric by its name in `summary.json`."""
    value: float | None = operator.attrgetter(metric)(row)
    return None if value is None else float(value)


def _point(row: Row | LookupRow) -> str:
    if isinstance(row, LookupRow):
        return f"{row.contender}, {row.nodes} nodes, {row.rarity} items, {row.phase}"
    return f"{row.contender}, {count_of_peers(row.peers)}"


def _value(threshold: Threshold, rows: Sequence[Row | LookupRow]) -> float | None:
    count = threshold.metric in COUNTED_ANYWAY
    values = [read_metric(row, threshold.metric) for row in rows if row.valid or count]
    known = [value for value in values if value is not None]
    return median(known) if known else None
