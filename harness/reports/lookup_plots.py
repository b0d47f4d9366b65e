"""The kinds of picture that charts of lookups are made of, without the words around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from harness.analysis.lookup_points import LookupPoint
from harness.reports.palette import Look
from harness.reports.plots import THEORY, colour, dash, data, shape, ticks
from harness.results.rarity import Rarity

MEASURED = "measured"

Figure = Callable[[LookupPoint], float | None]


def against_nodes(
    measured: Sequence[LookupPoint],
    looks: Mapping[str, Look],
    unit: str,
    figure: Figure,
    theory: Figure = lambda _: None,
    *,
    share: bool = False,
) -> Any:
    """A figure against the number of nodes, and what theory says of it; a `share` on a linear axis from 0 to 100 %."""
    lines = {MEASURED: figure, THEORY: theory}
    values = [
        {**_known(point), "line": name, "figure": value}
        for name, of in lines.items()
        for point in measured
        if (value := of(point)) is not None and (share or value > 0)
    ]
    sizes = sorted({point.nodes for point in measured})
    x = alt.X(
        "nodes:Q",
        title="nodes",
        scale=alt.Scale(type="log", domain=[sizes[0] / 1.15, sizes[-1] * 1.15], nice=False),
        axis=alt.Axis(values=sizes, format="d", grid=False, labelOverlap=True),
    )
    return _drawn(values, looks, x, _y([each["figure"] for each in values], unit, share=share), "nodes:Q")


def against_rarity(
    measured: Sequence[LookupPoint], looks: Mapping[str, Look], unit: str, figure: Figure, *, share: bool = False
) -> Any:
    """A figure against how rare the item is, from the rarest on."""
    values = [
        {**_known(point), "line": MEASURED, "figure": value}
        for point in measured
        if (value := figure(point)) is not None and (share or value > 0)
    ]
    x = alt.X("rarity:O", title="nodes that have the item", sort=list(Rarity), axis=alt.Axis(labelAngle=0))
    return _drawn(values, looks, x, _y([each["figure"] for each in values], unit, share=share), "rarity:O")


def _y(values: Sequence[float], unit: str, *, share: bool) -> Any:
    if share:
        return alt.Y("figure:Q", title=unit, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    low, high = min(values) / 1.25, max(values) * 1.25
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return alt.Y("figure:Q", title=unit, scale=scale, axis=alt.Axis(format="~r", values=ticks(low, high)))


def _drawn(values: list[dict[str, Any]], looks: Mapping[str, Look], x: Any, y: Any, along: str) -> Any:
    curve = alt.Chart(data(values)).mark_line(strokeWidth=2).encode(x, y, colour(looks))
    if len(names := list(dict.fromkeys(each["line"] for each in values))) > 1:
        curve = curve.encode(dash(names))
    marks = alt.Chart(data([each for each in values if each["line"] == MEASURED]))
    marks = marks.mark_point(filled=True, size=55, opacity=0.9)
    return alt.layer(curve, marks.encode(x, y, colour(looks), shape(looks), tooltip=_tooltips(along)))


def _known(point: LookupPoint) -> dict[str, Any]:
    """What a reader may want to know of a point."""
    return {
        "contender": point.contender,
        "nodes": point.nodes,
        "rarity": point.rarity,
        "success": point.success,
        "hops": point.hops,
        "messages": point.messages,
        "first": None if point.first_peer_s is None else point.first_peer_s * 1000,
    }


def _tooltips(along: str) -> list[Any]:
    return [
        alt.Tooltip("contender:N"),
        alt.Tooltip(along),
        alt.Tooltip("success:Q", title="found", format=".1%"),
        alt.Tooltip("hops:Q", format=".1f"),
        alt.Tooltip("messages:Q", format=".0f"),
        alt.Tooltip("first:Q", title="first peer, ms", format=".1f"),
    ]
