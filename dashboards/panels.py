"""Panels: the four kinds that the dashboards are made of, with what all have in common.

Every panel has a title, a unit, a description, and says in words when there is nothing to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import common as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries, trend
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

NOTHING = "not measured in what is chosen"
UNFINISHED = "no finished step that counts"
UNTRACKED = "seen live alone, and no tracker or supernode told"

WIDTH = 24
"""Of a dashboard, in columns."""

HEIGHT = 8

_Kind = TypeVar("_Kind", timeseries.Panel, trend.Panel, stat.Panel, table.Panel)

Panel = timeseries.Panel | trend.Panel | stat.Panel | table.Panel


@dataclass(frozen=True, slots=True)
class About:
    """What a panel says of itself; `unit` is Grafana's name of it, `empty` stands where there is no data."""

    title: str
    unit: str
    description: str
    width: int = WIDTH // 3
    height: int = HEIGHT
    empty: str = NOTHING


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and the name of its series by their labels."""

    expression: str
    legend: str = "{{contender}}"


def over_time(about: About, *queries: Query, stacked: bool = False) -> timeseries.Panel:
    """Lines over time; where nothing was scraped they end, as nobody knows what was there."""
    panel = _house(timeseries.Panel(), about).tooltip(_tooltip()).legend(_legend())
    panel = panel.span_nulls(False).show_points(VisibilityMode.AUTO).line_width(2).min(0)
    if stacked:
        panel = panel.stacking(builders.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    for index, query in enumerate(queries):
        panel = panel.with_target(_target(query, index).range())
    return panel


def against_peers(about: About, expression: str, top: float | None = None) -> trend.Panel:
    """One line a contender over the number of peers; `expression` has the labels `contender` and `peers` and no others.

    Labels are text, and Prometheus' order is none: a matrix with a row for each number of peers and a column for each
    contender is read as numbers and sorted. A line passes over numbers of peers that its contender was not measured at.
    """
    axis = "peers\\contender"  # as the matrix names its first column
    panel = _house(trend.Panel(), about).tooltip(_tooltip()).legend(_legend()).x_field(axis)
    panel = panel.span_nulls(True).show_points(VisibilityMode.ALWAYS).point_size(7).line_width(2).min(0)
    if top is not None:
        panel = panel.max(top)
    matrix = {"rowField": "peers", "columnField": "contender", "valueField": "Value", "emptyValue": "null"}
    numbers = {"fields": {}, "conversions": [{"targetField": axis, "destinationType": "number"}]}
    for name, options in (
        ("groupingToMatrix", matrix),
        ("convertFieldType", numbers),
        ("sortBy", {"fields": {}, "sort": [{"field": axis}]}),
    ):
        panel = panel.with_transformation(DataTransformerConfig(id_val=name, options=options))
    panel = panel.override_by_name(axis, _properties({"unit": "none", "decimals": 0, "custom.axisLabel": "peers"}))
    return panel.with_target(_target(Query(expression), 0).instant().format(PromQueryFormat.TABLE))


def figure(about: About, query: Query) -> stat.Panel:
    """One large number a series, as of the end of the time shown."""
    panel = _house(stat.Panel(), about).graph_mode(BigValueGraphMode.NONE)
    return panel.with_target(_target(query, 0).instant())


def listing(about: About, expression: str, columns: Sequence[str], value: str) -> table.Panel:
    """A table with a row for each series: these labels, and the value under a name of its own."""
    names = {name: name.capitalize() for name in columns} | {"Value": value}
    order = {name: place for place, name in enumerate(names)}
    options = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    panel = _house(table.Panel(), about).filterable(True)
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=options))
    return panel.with_target(_target(Query(expression), 0).instant().format(PromQueryFormat.TABLE))


def _house(panel: _Kind, about: About) -> _Kind:
    """A colour belongs to a name, so that a contender has the same one in every panel."""
    panel.title(about.title).description(about.description).unit(about.unit).no_value(about.empty)
    panel.span(about.width).height(about.height).datasource(DATASOURCE)
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    return panel


def _target(query: Query, index: int) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend)
    return target.ref_id(chr(ord("A") + index)).datasource(DATASOURCE)


def _legend() -> builders.VizLegendOptions:
    shown = builders.VizLegendOptions().show_legend(True)
    return shown.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)


def _tooltip() -> builders.VizTooltipOptions:
    return builders.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def _properties(values: dict[str, object]) -> list[DynamicConfigValue]:
    return [DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]
