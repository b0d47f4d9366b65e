"""Panels of a dashboard, drawn: lines over time or over peers, large figures, or words where there is nothing.

Scales begin at 0 as the dashboards' do, and a contender has the colour that it has in every report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from harness.reports.palette import looks
from harness.reports.panels import Line, figure
from harness.reports.plots import colour, data, shape

SIZE = 15
"""Of the marks on lines over time."""

_AXES = {"percentunit": (".0%", "share"), "Bps": ("~s", "bytes a second"), "bytes": ("~s", "bytes"), "s": ("~g", "s")}
"""The format and the title of an axis, by Grafana's name of the unit."""


def over_peers(lines: Sequence[Line], unit: str) -> Any:
    """A line for each contender, with a mark at each number of peers."""
    look = looks(sorted({line.contender for line in lines}))
    counts = sorted({peers for line in lines for peers, _ in line.figures})
    axis = alt.Axis(values=counts, format="d", grid=False, labelOverlap=True)
    x = alt.X("x:Q", title="peers", axis=axis, scale=alt.Scale(domain=[0, max(counts)], nice=False))
    chart = alt.Chart(data(_values(lines, math.inf))).encode(x, _y(unit), colour(look))
    return alt.layer(chart.mark_line(strokeWidth=2), chart.mark_point(filled=True, size=55).encode(shape(look)))


def over_time(lines: Sequence[Line], unit: str, gap_s: float) -> Any:
    """Lines that end where nothing is known for longer than `gap_s`."""
    x = alt.X("x:Q", title="seconds since the run's beginning", axis=alt.Axis(grid=False))
    chart = alt.Chart(data(_values(lines, gap_s))).encode(
        x, _y(unit), colour(looks(sorted({line.contender for line in lines}))), alt.Detail("stretch:N")
    )
    if any(line.name != line.contender for line in lines):
        legend = alt.Legend(symbolStrokeColor="gray", symbolType="stroke", symbolSize=400, symbolStrokeWidth=2)
        chart = chart.encode(alt.StrokeDash("line:N", title=None, legend=legend))
    return alt.layer(chart.mark_line(strokeWidth=2), chart.mark_point(filled=True, size=SIZE))


def figures(lines: Sequence[Line], unit: str) -> Any:
    """One large figure a series, below each other."""
    look = looks(sorted({line.contender for line in lines}))
    values = [
        {"contender": line.contender, "text": f"{line.name}: {figure(line.figures[-1][1], unit)}", "row": row}
        for row, line in enumerate(lines)
    ]
    chart = alt.Chart(data(values)).mark_text(fontSize=32, align="left")
    x, y = alt.value(20), alt.Y("row:O", axis=None)
    return alt.layer(chart.encode(x=x, y=y, text="text:N", color=colour(look).legend(None)))


def words(text: str) -> Any:
    """What stands where there is nothing to show."""
    return alt.layer(alt.Chart(data([{"text": text}])).mark_text(fontSize=18, opacity=0.6).encode(text="text:N"))


def _values(lines: Sequence[Line], gap: float) -> list[dict[str, Any]]:
    """The points of all lines, each with the number of its stretch, which ends at a gap."""
    return [
        {"contender": line.contender, "line": _apart(line), "stretch": f"{line.name} {stretch}", "x": x, "figure": y}
        for line in lines
        for stretch, (x, y) in zip(_stretches(line, gap), line.figures, strict=True)
    ]


def _stretches(line: Line, gap: float) -> list[int]:
    numbers: list[int] = []
    for place, (x, _) in enumerate(line.figures):
        broken = place > 0 and x - line.figures[place - 1][0] > gap
        numbers.append((numbers[-1] if numbers else 0) + broken)
    return numbers


def _apart(line: Line) -> str:
    """What tells it from other lines of its contender."""
    return line.name.removeprefix(line.contender).strip()


def _y(unit: str) -> Any:
    pattern, title = _AXES.get(unit, ("~g", unit.removeprefix("suffix:") if unit != "none" else None))
    axis = alt.Axis(format=pattern, tickCount=5)
    return alt.Y("figure:Q", title=title, axis=axis, scale=alt.Scale(zero=True))
