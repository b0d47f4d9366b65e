"""The report as one HTML file that needs nothing else: no host, no font, no script from elsewhere.

Charts are drawn twice: as static SVG for readers that run no scripts, replaced by interactive ones where scripts run.
All text from data passes through the template's escaping; only our style sheet, Vega's bundle and its SVG are `safe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import vl_convert

from harness.analysis.costs import cpu
from harness.analysis.points import Point, largest_shared, points
from harness.analysis.verdict import seconds, verdict
from harness.reports import calibration, method
from harness.reports.charts import Chart, charts
from harness.reports.figures import Room, columns, mebibytes, megabits, number, percent
from harness.reports.palette import looks
from harness.reports.plots import dressed
from harness.results.schema import Environment, Summary, Transfer
from harness.scenarios.model import Scenario

HEIGHT = 320
FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Tile:
    """A contender at a glance."""

    point: Point
    colour: str
    last: str
    share: str
    goodput: str
    origin: str


def render_html(
    scenario: Scenario, environment: Environment, summary: Summary, transfers: Sequence[Transfer] = ()
) -> str:
    """The whole report; from `transfers` come the chart of who is done when, and the list of failures."""
    templates = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    drawn = [_drawn(chart) for chart in charts(summary, transfers)]
    measured = points(summary.rows)
    failed = [transfer for transfer in transfers if not transfer.ok]
    return templates.from_string(_resource("report.html.jinja")).render(
        summary=summary,
        scenario=scenario,
        verdict=verdict(summary.rows),
        tiles=_tiles(summary),
        charts=drawn,
        specifications={chart["name"]: chart["specification"] for chart in drawn},
        bundle=_bundle() if drawn else "",
        css=_resource("report.css"),
        columns=columns(measured, Room.PAGE),
        points=measured,
        failures=failed[:FAILURES_SHOWN],
        more_failures=len(failed[FAILURES_SHOWN:]),
        reading=method.reading(scenario),
        unmeasured=method.unmeasured(scenario, summary.lab),
        setting=method.setting(scenario, summary.lab),
        calibration=calibration.cells(environment.calibration) if environment.calibration else [],
        calibration_headings=calibration.HEADINGS,
        round_trip=method.round_trip(environment),
        environment=method.environment(environment),
        command=method.command(environment),
    )


def _resource(name: str) -> str:
    return resources.files("harness.reports").joinpath(name).read_text(encoding="utf-8")


def _drawn(chart: Chart) -> dict[str, Any]:
    specification = dressed(
        chart.plot,
        width="container",
        height=HEIGHT,
        ink="currentColor",
        background="transparent",
        description=chart.description,
    )
    static = vl_convert.vegalite_to_svg({**specification, "width": 520})
    return {
        "name": chart.name,
        "heading": chart.heading,
        "caption": chart.caption,
        "description": chart.description,
        "specification": specification,
        "svg": static,
    }


def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; raises ValueError if it cannot stand inside an HTML element."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the Vega bundle would end its script element")
    return script


def _share(point: Point) -> str:
    """What it is to be judged by: its share of the limit, or its cost where links have none."""
    if point.efficiency is not None or point.bound_s is not None:
        return f"{percent(point.efficiency)}% of the speed that theory allows"
    return f"for {number(cpu(point))} CPU-seconds a GiB, server and peers together"


def _tiles(summary: Summary) -> list[_Tile]:
    """Every contender at the largest number of peers at which all are valid."""
    valid = [point for point in points(summary.rows) if point.valid and point.last_s is not None]
    peers = largest_shared(valid)
    look = looks(row.contender for row in summary.rows)
    return [
        _Tile(
            point=point,
            colour=look[point.contender].colour,
            last=seconds(point.last_s),
            share=_share(point),
            goodput=f"{megabits(point.goodput)} Mbit/s",
            origin=f"{mebibytes(point.origin_bytes)} MiB",
        )
        for point in valid
        if point.peers == peers
    ]
