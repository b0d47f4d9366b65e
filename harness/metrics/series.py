"""What has been counted: the series of every family, as they are now, and each as lines of text.

The rule: a series is written anew only after it has changed, so that a scrape costs what is new, not what is there.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from harness.metrics.names import FAMILIES, Family, Kind

Figures = tuple[float, ...]
"""A series' numbers at one moment, one for each of its lines: a value; or of a histogram what is in each bucket and
those below, the count, the sum."""


class Series:
    """One series of a family: the values of its labels, and its numbers."""

    def __init__(self, family: Family, labels: Sequence[str]) -> None:
        self.heads = tuple(_heads(family, labels))
        """The lines that tell it, up to their numbers."""
        self._bounds = family.buckets
        self._counts = [0] * (len(family.buckets) + 1) if family.kind is Kind.HISTOGRAM else []
        self._value = 0.0
        self._figures: Figures | None = None
        self._text: str | None = None

    def set(self, value: float) -> None:
        """Be this from now on."""
        if value != self._value:
            self._value = value
            self._figures = self._text = None

    def add(self, more: float) -> None:
        """Grow by so much."""
        self.set(self._value + more)

    def observe(self, value: float) -> None:
        """Count a value in the bucket where it belongs; a bucket holds its upper end."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._value += value
        self._figures = self._text = None

    def figures(self) -> Figures:
        """Its numbers now; the same object until they change."""
        if self._figures is None:
            cumulative = tuple(accumulate(self._counts))
            self._figures = (*cumulative, *cumulative[-1:], self._value)
        return self._figures

    def text(self) -> str:
        """Its lines now."""
        if self._text is None:
            self._text = lines(self.heads, self.figures())
        return self._text


class Ledger:
    """All series there are."""

    def __init__(self) -> None:
        self._series: dict[Family, dict[Sequence[str], Series]] = {family: {} for family in FAMILIES}

    def at(self, family: Family, *labels: str) -> Series:
        """The series of a family with these values of its labels, 0 if it is new."""
        assert len(labels) == len(family.labels)
        series = self._series[family]
        if labels not in series:
            series[labels] = Series(family, labels)
        return series[labels]

    def forget(self, family: Family) -> None:
        """Have no series of this family any more."""
        self._series[family].clear()

    def __iter__(self) -> Iterator[tuple[Family, Iterable[Series]]]:
        """The series by family, of those families that have some."""
        return ((family, series.values()) for family, series in self._series.items() if series)

    def exposition(self) -> str:
        """Everything as it is now, in Prometheus' text format."""
        return "".join(
            heading(family, family.full_name) + "".join(each.text() for each in series) for family, series in self
        )


def heading(family: Family, name: str) -> str:
    """The lines before a family's series; the two formats differ in how they name a counter there."""
    return f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {family.kind}\n"


def lines(heads: Sequence[str], figures: Figures, stamp: str = "") -> str:
    """A series' lines at one moment; a stamp, if any, begins with a space."""
    return "".join(f"{head}{_number(value)}{stamp}\n" for head, value in zip(heads, figures, strict=True))


def _heads(family: Family, labels: Sequence[str]) -> Iterator[str]:
    told = ",".join(f'{name}="{_escaped_value(value)}"' for name, value in zip(family.labels, labels, strict=True))
    name = family.full_name
    if family.kind is not Kind.HISTOGRAM:
        yield f"{name}{{{told}}} "
        return
    for bound in (*family.buckets, math.inf):
        yield f'{name}_bucket{{{told},le="{_number(bound)}"}} '
    yield f"{name}_count{{{told}}} "
    yield f"{name}_sum{{{told}}} "


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escaped_value(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
