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
from harness.analysis.verdict import seconds
from harness.reports import calibration, lookup_method, method
from harness.reports.bundle import vega_bundle
from harness.reports.charts import Chart
from harness.reports.drawn import charts_of
from harness.reports.figures import Room, mebibytes, megabits, number, percent
from harness.reports.palette import looks
from harness.reports.plots import dressed
from harness.reports.shown import shown
from harness.results.schema import Environment, Lookup, Summary, Transfer
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
    scenario: Scenario, environment: Environment, summary: Summary, records: Sequence[Transfer | Lookup] = ()
) -> str:
    """The whole report; from transfers come the chart of who is done when, and from all records those that failed."""
    templates = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    transfers = [record for record in records if isinstance(record, Transfer)]
    drawn = [_drawn(chart) for chart in charts_of(summary, transfers)]
    what = shown(summary)
    failed = list(filter(None, map(_failure, records)))
    words = lookup_method if scenario.lookups else method
    return templates.from_string(_resource("report.html.jinja")).render(
        summary=summary,
        scenario=scenario,
        verdict=what.verdict,
        tiles=_tiles(summary),
        charts=drawn,
        specifications={chart["name"]: chart["specification"] for chart in drawn},
        bundle=vega_bundle() if drawn else "",
        css=_resource("report.css"),
        columns=what.columns(Room.PAGE),
        points=what.points,
        raw="lookups" if scenario.lookups else "transfers",
        failures=failed[:FAILURES_SHOWN],
        more_failures=len(failed[FAILURES_SHOWN:]),
        reading=words.reading(scenario),
        unmeasured=words.unmeasured(scenario, summary.lab),
        setting=words.setting(scenario, summary.lab),
        calibration=calibration.cells(environment.calibration) if environment.calibration else [],
        calibration_headings=calibration.HEADINGS,
        round_trip=method.round_trip(environment),
        environment=method.environment(environment),
        command=method.command(environment),
    )


def _failure(record: Transfer | Lookup) -> str | None:
    """What went wrong, in one line. A lookup that came to its end and found nobody is a result."""
    if isinstance(record, Transfer):
        where, failed = record.host, not record.ok
    else:
        where, failed = record.node, record.error is not None
    step = f"{record.contender}, {record.peers} peers, repeat {record.repeat}"
    return f"{step}, {where}: {record.error or 'no reason given'}" if failed else None


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
