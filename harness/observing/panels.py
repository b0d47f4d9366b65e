"""Panels of a dashboard as its JSON has them: what they ask Prometheus, and what they say of themselves.

The rule: dashboards are read, not imported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import SwarmbenchError, UsageError

VARIABLE = re.compile(r"\$\{?(\w+)\}?")
LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")

EVERYTHING = ".+"

ROW = "row"
"""The type of a heading."""

RATE_INTERVAL_S = 4
"""As Grafana has it for what is scraped once a second."""


class Target(msgspec.Struct, frozen=True, rename="camel"):
    """One query of a panel; `legend_format` names its series by their labels."""

    expr: str
    legend_format: str
    instant: bool

    def name(self, labels: Mapping[str, str]) -> str:
        """What the legend calls a series."""
        return LABEL.sub(lambda found: labels.get(found[1], ""), self.legend_format)


class Defaults(msgspec.Struct, frozen=True, rename="camel"):
    """How a panel shows figures; `no_value` stands where there are none."""

    unit: str
    no_value: str


class FieldConfig(msgspec.Struct, frozen=True):
    """Where Grafana puts those."""

    defaults: Defaults


class Panel(msgspec.Struct, frozen=True, rename="camel"):
    """One panel."""

    type: str
    title: str
    targets: Sequence[Target]
    field_config: FieldConfig

    @property
    def unit(self) -> str:
        """Grafana's name of it."""
        return self.field_config.defaults.unit

    @property
    def empty(self) -> str:
        """What it says when there is nothing to show."""
        return self.field_config.defaults.no_value


class _Variable(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    type: str
    query: Any = None


class _Templating(msgspec.Struct, frozen=True):
    list: Sequence[_Variable]


class _Page(msgspec.Struct, frozen=True):
    title: str
    panels: Sequence[msgspec.Raw]
    templating: _Templating


class _Kind(msgspec.Struct, frozen=True):
    type: str


class Dashboard(msgspec.Struct, frozen=True):
    """Its panels in reading order, and its variables as they are when everything is chosen."""

    title: str
    panels: Sequence[Panel]
    variables: Mapping[str, str]

    def asked(self, target: Target, span_s: float) -> str:
        """The query as Prometheus gets it when so many seconds are shown."""
        of_grafana = {"__range": f"{math.ceil(span_s)}s", "__rate_interval": f"{RATE_INTERVAL_S}s"}
        return substituted(target.expr, {**self.variables, **of_grafana})


def read_dashboard(path: Path) -> Dashboard:
    """The dashboard in a file; raises SwarmbenchError."""
    try:
        page = msgspec.json.decode(path.read_bytes(), type=_Page)
        shown = [raw for raw in page.panels if msgspec.json.decode(raw, type=_Kind).type != ROW]
        panels = [msgspec.json.decode(raw, type=Panel) for raw in shown]
    except OSError as error:
        raise SwarmbenchError(f"{path}: cannot be read ({error.strerror}); run this in a checkout") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not a dashboard of ours ({error}); make them with: make dashboards") from error
    variables = {each.name: each.query if each.type == "textbox" else EVERYTHING for each in page.templating.list}
    return Dashboard(page.title, panels, variables)


def substituted(expression: str, values: Mapping[str, str]) -> str:
    """A query with the values of its variables in it."""
    return VARIABLE.sub(lambda found: values[found[1]], expression)
