"""The frame of every dashboard: what one chooses by, where one can go from here, and how panels are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.panels import DATASOURCE, Panel
from dashboards.queries import CENTRAL, VARIABLES
from harness.metrics.names import PLAYING, RUN_INFO

TAG = "swarmbench"
"""Of our dashboards, which link to each other by it, and of the annotations that runs leave."""

GRAFANA = DataSourceRef(type_val="grafana", uid="-- Grafana --")
"""What every Grafana calls itself, where annotations are."""

EVERYTHING = ".+"

ONE_ONLY = ("scenario", "variant", "lab")
"""What may only be compared with its like."""


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading, side by side as far as they fit."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard; `uid` is its address, and the name of its file without the prefix."""

    name: str
    title: str
    description: str
    sections: Sequence[Section]

    @property
    def uid(self) -> str:
        """Stable, so that links to it last."""
        return f"swarmbench-{self.name}"

    def build(self) -> models.Dashboard:
        """The whole dashboard in Grafana's model."""
        board = builders.Dashboard(f"swarmbench · {self.title}").uid(self.uid).description(self.description)
        board = board.tags([TAG]).tooltip(models.DashboardCursorSync.CROSSHAIR)
        board = board.time("now-1h", "now").refresh("5s").timezone("browser").version(1)
        board = board.variables(_variables()).link(_others())
        for section in self.sections:
            board = board.with_row(builders.Row(section.title))
            for panel in section.panels:
                board = board.with_panel(panel)
        built = board.build()
        for number, placed in enumerate(built.panels or (), start=1):
            placed.id_val = number
        built.annotations = models.AnnotationContainer([_steps()])
        return built


def _variables() -> list[Builder[models.VariableModel]]:
    """The datasource, each label by what the ones before it leave, and who counts as a central server."""
    datasource = builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    central = builders.TextBoxVariable("central").label("Central servers").default_value(CENTRAL)
    central = central.description("A regular expression of the contenders that the others are compared with.")
    central = central.current(models.VariableOption(text=CENTRAL, value=CENTRAL))
    return [datasource, *(_variable(name) for name in VARIABLES), central]


def _variable(name: str) -> builders.QueryVariable:
    family = PLAYING if name == "contender" else RUN_INFO
    before = VARIABLES[: VARIABLES.index(name)]
    chosen = ", ".join(f'{each}=~"${each}"' for each in before)
    query = f"label_values({family.full_name}{f'{{{chosen}}}' if chosen else ''}, {name})"
    variable = builders.QueryVariable(name).label(name.capitalize()).datasource(DATASOURCE)
    variable = variable.query({"query": query, "refId": name}).definition(query)
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    if name in ONE_ONLY:
        return variable.sort(models.VariableSort.ALPHABETICAL_ASC)
    order = models.VariableSort.ALPHABETICAL_DESC if name == "run" else models.VariableSort.ALPHABETICAL_ASC
    variable = variable.sort(order).multi(True).include_all(True).all_value(EVERYTHING)
    return variable.current(models.VariableOption(text=["All"], value=["$__all"]))


class _Tagged(models.AnnotationTarget, Dataquery):
    """Annotations by tag, which the SDK has as a model but not as a query."""


def _steps() -> models.AnnotationQuery:
    """The steps that runs have marked, each as a stretch of time."""
    tagged = _Tagged(type_val="tags", tags=[TAG], match_any=False, limit=1000)
    return models.AnnotationQuery(name="Steps", datasource=GRAFANA, enable=True, icon_color="blue", target=tagged)


def _others() -> builders.DashboardLink:
    links = builders.DashboardLink("swarmbench").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return links.include_vars(True).keep_time(True)
