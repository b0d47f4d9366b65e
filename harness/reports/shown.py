"""What reports show of a run, in one form whether it was of downloads or of lookups: table and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.lookup_points import lookup_points
from harness.analysis.lookup_verdict import lookup_verdict
from harness.analysis.points import points
from harness.analysis.verdict import verdict
from harness.reports.figures import COLUMNS, Column, Room, columns
from harness.reports.lookup_figures import LOOKUP_COLUMNS
from harness.results.schema import Summary


@dataclass(frozen=True, slots=True)
class Shown:
    """A table's points, which are of one kind, and what they say."""

    points: Sequence[Any]
    verdict: str
    _among: Sequence[Column[Any]]

    def columns(self, room: Room) -> list[Column[Any]]:
        """The table's columns for that much room."""
        return columns(self.points, room, self._among)

    @property
    def reasons(self) -> list[str]:
        """Why figures do not count, each reason once."""
        said = (f"{point.contender} at {point.peers}: {reason}" for point in self.points for reason in point.reasons)
        return list(dict.fromkeys(said))


def shown(summary: Summary) -> Shown:
    """What is to be shown of a run."""
    if summary.lookup_rows:
        return Shown(lookup_points(summary.lookup_rows), lookup_verdict(summary.lookup_rows), LOOKUP_COLUMNS)
    return Shown(points(summary.rows), verdict(summary.rows), COLUMNS)
