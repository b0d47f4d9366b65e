"""One picture of how figures grow with the number of peers: a plot a metric, each source drawn in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from harness.analysis.scaling import Figure, Metric, Source
from harness.reports.images import SCALE, WIDTH
from harness.reports.palette import looks
from harness.reports.plots import colour, data, styled
from harness.reports.scaling import TITLES, shown

DRAWN = (Metric.COMPLETION, Metric.ORIGIN, Metric.MESSAGES)
HEIGHT = 260

_MARKS = {Source.MEASURED: "circle", Source.SIMULATED: "cross"}
_DASHES = {Source.MODEL: [1, 0], Source.BOUND: [6, 4], Source.THEORY: [6, 4]}


def write_scaling(figures: Sequence[Figure], path: Path) -> None:
    """Write the picture as PNG; raises OSError."""
    drawn = [metric for metric in DRAWN if any(_drawn(figure, metric) for figure in figures)]
    plots = [_plot([figure for figure in figures if _drawn(figure, metric)], TITLES[metric]) for metric in drawn]
    picture = styled(
        alt.vconcat(*plots, spacing=24).resolve_scale(color="independent"), ink="#222222", background="white"
    )
    path.write_bytes(vl_convert.vegalite_to_png(picture.to_dict(), scale=SCALE))


def _drawn(figure: Figure, metric: Metric) -> bool:
    return figure.metric is metric and figure.value > 0


def _plot(figures: Sequence[Figure], title: str) -> Any:
    look = looks(sorted({figure.contender for figure in figures}))
    x = alt.X("peers:Q", title="peers", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", tickCount=6))
    layers = [
        _chart(figures, _DASHES).mark_line(strokeWidth=2).encode(x, y, colour(look), _dash()),
        _chart(figures, _MARKS).mark_point(size=70, strokeWidth=2).encode(x, y, colour(look), _shape()),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)


def _chart(figures: Sequence[Figure], sources: dict[Source, Any]) -> Any:
    return alt.Chart(
        data(
            [
                {
                    "contender": each.contender,
                    "peers": each.peers,
                    "source": each.source,
                    "value": shown(each.value, each.metric),
                }
                for each in figures
                if each.source in sources
            ]
        )
    )


def _dash() -> Any:
    scale = alt.Scale(domain=list(_DASHES), range=list(_DASHES.values()))
    return alt.StrokeDash("source:N", title=None, scale=scale, legend=alt.Legend(symbolType="stroke", symbolSize=400))


def _shape() -> Any:
    return alt.Shape("source:N", title=None, scale=alt.Scale(domain=list(_MARKS), range=list(_MARKS.values())))
