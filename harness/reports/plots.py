"""Plots: the three kinds of picture the charts are made of, without the words around them.

Specifications carry no size and no page colours; whoever shows them adds both with `dressed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from harness.analysis.points import Point
from harness.reports.palette import Look
from harness.results.schema import Row

MIB = 2**20
LIMIT = "limit"
THEORY = "theory"

_DASHES = {"last peer": [1, 0], "measured": [1, 0], "median peer": [2, 3], LIMIT: [8, 4], THEORY: [8, 4]}
_ROLE_OPACITY = {"server": 1.0, "peers": 0.6, "harness": 0.35}

Values = list[dict[str, Any]]


def against_peers(
    rows: Sequence[Row],
    measured: Sequence[Point],
    looks: Mapping[str, Look],
    unit: str,
    mark: Callable[[Row], float | None],
    lines: Mapping[str, Callable[[Point], float | None]],
    *,
    share: bool = False,
    crossovers: Mapping[str, int] | None = None,
) -> Any:
    """A figure against the number of peers: each repeat as a mark, and lines through the points.

    The names of `lines` pick their dashes. Both axes are logarithmic, or `share` is on a linear one from 0 to 100 %.
    A rule stands at each of `crossovers`, by contender.
    """
    marks = [{**_known(row), "figure": value} for row in rows if (value := mark(row))]
    through = [
        {"contender": point.contender, "peers": point.peers, "line": name, "figure": value}
        for name, figure in lines.items()
        for point in measured
        if (value := figure(point))
    ]
    counts = sorted({point.peers for point in measured})
    values = [entry["figure"] for entry in (*marks, *through)]
    x = alt.X(
        "peers:Q",
        title="peers",
        scale=alt.Scale(type="log", domain=[counts[0] / 1.15, counts[-1] * 1.15], nice=False),
        axis=alt.Axis(values=counts, format="d", grid=False, labelOverlap=True),
    )
    if share:
        scale, axis = alt.Scale(domain=[0, max(1.0, *values)]), alt.Axis(format=".0%", tickCount=5)
    else:
        scale = alt.Scale(type="log", domain=[min(values) / 1.25, max(values) * 1.25], nice=False)
        axis = alt.Axis(format="~r", values=ticks(min(values) / 1.25, max(values) * 1.25))
    y = alt.Y("figure:Q", title=unit, scale=scale, axis=axis)
    curve = alt.Chart(data(through)).mark_line(strokeWidth=2).encode(x, y, colour(looks))
    if len(lines) > 1:
        curve = curve.encode(dash(lines))
    points = alt.Chart(data(marks)).mark_point(filled=True, size=55, opacity=0.9)
    points = points.encode(x, y, colour(looks), shape(looks), tooltip=_tooltips())
    return alt.layer(*_rules(crossovers or {}), curve, points)


def over_time(
    curves: Mapping[tuple[str, int], Sequence[tuple[float, int]]], looks: Mapping[str, Look], top: int
) -> Any:
    """How many peers are done (up to `top`) after how many seconds; a stepped curve for each contender and repeat."""
    values = [
        {"contender": contender, "repeat": repeat, "seconds": seconds, "done": done}
        for (contender, repeat), curve in curves.items()
        for seconds, done in curve
    ]
    x = alt.X("seconds:Q", title="seconds since the first peer wanted it", axis=alt.Axis(grid=False))
    y = alt.Y("done:Q", title="peers done", scale=alt.Scale(domain=[0, top]), axis=alt.Axis(tickMinStep=1, tickCount=5))
    tooltip = [
        alt.Tooltip("contender:N"),
        alt.Tooltip("repeat:Q"),
        alt.Tooltip("done:Q", title="peers done"),
        alt.Tooltip("seconds:Q", title="after, s", format=".2f"),
    ]
    chart = alt.Chart(data(values)).mark_line(interpolate="step-after", strokeWidth=2)
    return alt.layer(chart.encode(x, y, colour(looks), alt.Detail("repeat:N"), tooltip=tooltip))


def stacked_costs(measured: Sequence[Point], looks: Mapping[str, Look]) -> Any:
    """CPU-seconds for each GiB as bars: side by side by contender, stacked by role, for each number of peers."""
    values = [
        {"contender": point.contender, "peers": point.peers, "role": role, "order": order, "cost": cost}
        for point in measured
        for order, role in enumerate(_ROLE_OPACITY)
        if (cost := getattr(point.cpu_s_per_gib, role)) is not None
    ]
    opacity = alt.Opacity(
        "role:O",
        title=None,
        scale=alt.Scale(type="ordinal", domain=list(_ROLE_OPACITY), range=list(_ROLE_OPACITY.values())),
        legend=alt.Legend(symbolFillColor="gray", symbolStrokeWidth=0, symbolType="square"),
    )
    tooltip = [
        alt.Tooltip("contender:N"),
        alt.Tooltip("peers:O"),
        alt.Tooltip("role:N"),
        alt.Tooltip("cost:Q", title="CPU-s/GiB", format=".2f"),
    ]
    chart = alt.Chart(data(values)).mark_bar()
    return alt.layer(
        chart.encode(
            alt.X("peers:O", title="peers", axis=alt.Axis(labelAngle=0)),
            alt.Y("cost:Q", title="CPU-seconds for each GiB", axis=alt.Axis(tickCount=5)),
            alt.XOffset("contender:N", sort=list(looks)),
            colour(looks),
            opacity,
            alt.Order("order:Q"),
            tooltip=tooltip,
        )
    )


def dressed(plot: Any, *, width: int | str, height: int, ink: str, background: str, description: str) -> dict[str, Any]:
    """The plot as a Vega-Lite specification of this size (`container`: as wide as its place) and these colours."""
    sized = plot.properties(width=width, height=height, description=description)
    specification: dict[str, Any] = styled(sized, ink=ink, background=background).to_dict()
    specification["config"]["autosize"] = {"type": "fit-x", "contains": "padding"}
    # Legends below each other, for narrow screens; Vega-Lite passes this on but Altair's schema does not list it.
    specification["config"]["legend"]["layout"] = {"top": {"direction": "vertical", "anchor": "start", "margin": 2}}
    return specification


def styled(plot: Any, *, ink: str, background: str) -> Any:
    """The plot in these colours and our letters."""
    inked = {"domainColor": ink, "tickColor": ink, "gridColor": ink, "labelColor": ink, "titleColor": ink}
    faint = {"domainOpacity": 0.4, "tickOpacity": 0.4, "gridOpacity": 0.12}
    fonts = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return (
        plot.configure(background=background, padding=4)
        .configure_view(stroke=None)
        .configure_axis(**inked, **faint, **fonts)
        .configure_legend(orient="top", labelColor=ink, labelFontSize=12, columns=3, columnPadding=14, clipHeight=18)
        .configure_title(anchor="start", fontSize=17, offset=10, color=ink)
        .configure_text(color=ink)
        .configure_rule(color=ink)
    )


def _known(row: Row) -> dict[str, Any]:
    """What a reader may want to know of a repeat."""
    return {
        "contender": row.contender,
        "peers": row.peers,
        "repeat": row.repeat,
        "last": row.completion_s.last,
        "limit": row.bound_s,
        "efficiency": row.efficiency,
        "goodput": (row.goodput_bytes_per_s or 0) * 8 / 1e6,
        "origin": row.origin_bytes / MIB,
    }


def _tooltips() -> list[Any]:
    return [
        alt.Tooltip("contender:N"),
        alt.Tooltip("peers:Q"),
        alt.Tooltip("repeat:Q"),
        alt.Tooltip("last:Q", title="last peer, s", format=".2f"),
        alt.Tooltip("limit:Q", title="limit, s", format=".2f"),
        alt.Tooltip("efficiency:Q", title="of the limit", format=".1%"),
        alt.Tooltip("goodput:Q", title="goodput, Mbit/s", format=".1f"),
        alt.Tooltip("origin:Q", title="origin sent, MiB", format=".1f"),
    ]


def _rules(crossovers: Mapping[str, int]) -> list[Any]:
    """A dotted rule where a contender takes the lead for good; a single one with its name, several would overlap."""
    if not crossovers:
        return []
    chart = alt.Chart(data([{"peers": peers, "text": f"{name} leads →"} for name, peers in crossovers.items()]))
    rule = chart.mark_rule(strokeDash=[1, 3], opacity=0.7).encode(alt.X("peers:Q"))
    if len(crossovers) > 1:
        return [rule]
    text = chart.mark_text(align="left", dx=5, dy=8, baseline="top", opacity=0.8).encode(
        alt.X("peers:Q"), alt.Y(value=0), alt.Text("text:N")
    )
    return [rule, text]


def colour(looks: Mapping[str, Look]) -> Any:
    """The encoding of who it is, as a colour."""
    scale = alt.Scale(domain=list(looks), range=[look.colour for look in looks.values()])
    return alt.Color("contender:N", title=None, scale=scale)


def shape(looks: Mapping[str, Look]) -> Any:
    """The encoding of who it is, as a mark."""
    scale = alt.Scale(domain=list(looks), range=[look.shape for look in looks.values()])
    return alt.Shape("contender:N", title=None, scale=scale)


def dash(lines: Iterable[str]) -> Any:
    """The encoding of which line it is, as dashes."""
    names = list(lines)
    scale = alt.Scale(domain=names, range=[_DASHES[name] for name in names])
    legend = alt.Legend(symbolStrokeColor="gray", symbolType="stroke", symbolSize=400, symbolStrokeWidth=2)
    return alt.StrokeDash("line:N", title=None, scale=scale, legend=legend)


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of every decade between: few enough to read, and enough for a range of one octave."""
    return [step * 10.0**decade for decade in range(-3, 13) for step in (1, 2, 5) if low <= step * 10.0**decade <= high]


def data(values: Values) -> Any:
    """The values, inside the specification."""
    return alt.InlineData(values=values)
