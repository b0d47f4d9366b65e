"""The dashboards as they are committed, and what they ask for, as tests read them."""

from __future__ import annotations

import json
import re

from dashboards.build import DIRECTORY
from dashboards.queries import CENTRAL, VARIABLES
from harness.metrics.names import FAMILIES, PREFIX, Kind
from harness.observing.panels import substituted as with_values

DASHBOARDS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DIRECTORY.glob("*.json"))}
"""By name of file."""

METRIC = re.compile(rf"\b{PREFIX}\w+")
SELECTED = re.compile(rf"\b({PREFIX}\w+)\{{([^}}]*)\}}")
"""A metric, and what is asked of its labels."""

OF_GRAFANA = {"__range": "1h", "__rate_interval": "4s"}
"""Variables that Grafana itself defines, and what they may be."""


def panels(dashboard: dict) -> list[dict]:
    """Those that show something: headings are none."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict) -> list[str]:
    """What all panels ask, with variables in it."""
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def substituted(expression: str, **chosen: str) -> str:
    """A query as Prometheus gets it: with what is chosen, or everything."""
    values = dict.fromkeys(VARIABLES, ".+") | {"central": CENTRAL} | OF_GRAFANA | chosen
    return with_values(expression, values)


def exposed() -> dict[str, set[str]]:
    """The series that runs expose, with their labels."""
    series: dict[str, set[str]] = {}
    for family in FAMILIES:
        labels = set(family.labels)
        if family.kind is Kind.HISTOGRAM:
            series[f"{family.full_name}_bucket"] = {*labels, "le"}
            series[f"{family.full_name}_sum"] = series[f"{family.full_name}_count"] = labels
        else:
            series[family.full_name] = labels
    return series
