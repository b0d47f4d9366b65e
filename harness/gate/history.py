"""A history of gates: a JSON Lines file that every gate on the main branch appends its record to.

What is followed over time are the figures themselves, machine by machine, as absolute speeds move between machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import UsageError
from harness.gate.record import GateRecord, short
from harness.gate.reports import STYLES
from harness.results.files import read_lines, writing


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at one revision."""

    at: str
    revision: str
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A figure's course on one machine, in the order of the gates."""

    machine: str
    subject: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where a series seems to have moved for good: the first revision of the new level, and by which share."""

    series: Series
    revision: str
    at: str
    change: float


def read_history(path: Path) -> list[GateRecord]:
    """The records of a history; raises UsageError when there is none."""
    if not path.is_file():
        raise UsageError(f"{path}: no such history; gates make one with: swarmbench gate --append {path.name}")
    records = read_lines(path, GateRecord)
    if not records:
        raise UsageError(f"{path}: holds no gate yet")
    return records


def series_of(records: Sequence[GateRecord]) -> list[Series]:
    """Every figure of every machine, as head had it."""
    points: dict[tuple[str, str], list[Point]] = {}
    for record in records:
        for figure in record.figures:
            if figure.head is not None:
                subject = f"{figure.experiment} · {figure.contender} · {figure.figure}"
                points.setdefault((record.machine, subject), []).append(Point(record.at, record.head, figure.head))
    return [Series(machine, subject, course) for (machine, subject), course in points.items()]


def print_history(records: Sequence[GateRecord], console: Console | None = None) -> None:
    """A row a gate: when, what, the verdict, and whatever did not pass."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in ("when (UTC)", "base", "head", "outcome", "what did not pass"):
        table.add_column(heading)
    for record in records:
        told = "; ".join(
            f"{each.experiment} · {each.contender} · {each.figure}: {each.reason}"
            for each in record.figures
            if each.outcome != "pass"
        )
        outcome = Text(record.outcome, STYLES.get(record.outcome, ""))
        table.add_row(record.at, Text(short(record.base)), Text(short(record.head)), outcome, Text(told))
    (console or Console()).print(table)


def write_history_picture(series: Sequence[Series], changes: Sequence[ChangePoint], path: Path) -> None:
    """Every figure over its first value, gate by gate, a panel a figure; change points are marked. Raises
    SwarmbenchError."""
    import altair  # what draws is slow to import, and most commands draw nothing
    import vl_convert

    marked = {(change.series.machine, change.series.subject, change.at) for change in changes}
    values: list[Mapping[str, object]] = [
        {
            "gate": number,
            "of the first": point.value / course.points[0].value if course.points[0].value else None,
            "subject": course.subject,
            "machine": course.machine or "a machine",
            "change": (course.machine, course.subject, point.at) in marked,
        }
        for course in series
        for number, point in enumerate(course.points, start=1)
    ]
    lines = (
        altair.Chart()
        .mark_line(point=True)
        .encode(
            x=altair.X("gate:Q", axis=altair.Axis(tickMinStep=1)),
            y=altair.Y("of the first:Q", scale=altair.Scale(zero=False)),
            color=altair.Color("machine:N", title=None, legend=altair.Legend(orient="bottom", labelLimit=400)),
        )
    )
    marks = altair.Chart().mark_rule(strokeDash=[4, 4]).encode(x="gate:Q").transform_filter("datum.change")
    chart = altair.layer(lines, marks, data=altair.Data(values=values)).properties(width=280, height=120)
    panels = chart.facet(altair.Facet("subject:N", title=None, header=altair.Header(labelLimit=400)), columns=2)
    with writing(path):
        path.write_bytes(vl_convert.vegalite_to_png(panels.to_json(), scale=2))
