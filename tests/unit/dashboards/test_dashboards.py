"""The dashboards as they are committed: complete, of one piece, and asking for what runs expose."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import DIRECTORY, PAGES, build
from dashboards.panels import WIDTH
from dashboards.queries import CENTRAL, TIE, VARIABLES
from harness.analysis.comparison import TIE as TIE_OF_REPORTS
from harness.contenders.catalogue import central
from harness.metrics.names import FAMILIES, STEP
from harness.observing.panels import VARIABLE, read_dashboard
from tests.panels import DASHBOARDS, METRIC, OF_GRAFANA, SELECTED, exposed, panels, queries, substituted
from tests.prometheus import Prometheus, prometheus

GROUPED = re.compile(r"\b(?:by|without|on) \(([^)]*)\)")

BUILT_IN = "-- Grafana --"


@pytest.fixture(scope="module")
def empty_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture(params=DASHBOARDS)
def dashboard(request: pytest.FixtureRequest) -> dict:
    return DASHBOARDS[request.param]


def test_what_is_committed_is_what_is_built():
    """Byte for byte, and nothing else; `make dashboards` writes it."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    assert committed == build()


def test_every_dashboard_has_an_address_of_its_own():
    """By which others link to it; the front page is the one that `swarmbench run --observe` names."""
    uids = [dashboard["uid"] for dashboard in DASHBOARDS.values()]
    assert len(set(uids)) == len(PAGES) == 5
    assert DASHBOARDS["comparison.json"]["uid"] == PAGES[0].uid == "swarmbench-comparison"


def test_every_dashboard_is_of_the_types_of_the_sdk(dashboard):
    """Which are Grafana's, of schema 42: nothing is lost or added when they read it."""
    register_default_plugins()
    read = Dashboard.from_json(dashboard)
    assert dashboard["schemaVersion"] == read.schema_version == 42
    told = json.loads(json.dumps(read, cls=JSONEncoder))
    for control in (*told["links"], *told["annotations"]["list"]):
        del control["placement"]  # which the SDK always adds
    assert told == dashboard


def test_panels_have_ids_of_their_own(dashboard):
    """By which Grafana tells them apart, headings included."""
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_lie_side_by_side(dashboard):
    """None over another, none beyond the edge, and no two of one title."""
    taken: Counter[tuple[int, int]] = Counter()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        taken.update((x, y) for x in cells[0] for y in cells[1])
    assert max(taken.values()) == 1
    assert max(Counter(panel["title"] for panel in panels(dashboard)).values()) == 1


def test_every_panel_says_what_it_shows(dashboard):
    """A title, a unit, a description, and words for when there is nothing."""
    for panel in panels(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert defaults["unit"] and defaults["noValue"], panel["title"]


def test_lines_end_where_nothing_is_known(dashboard):
    """Over time gaps stay gaps; over peers a line passes over what its contender was not measured at."""
    spans = {"timeseries": False, "trend": True}
    for panel in panels(dashboard):
        if panel["type"] in spans:
            assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is spans[panel["type"]]


def test_the_reader_chooses_the_datasource(dashboard):
    """No panel, query or variable is bound to one; annotations are in Grafana itself."""
    sources = [panel["datasource"] for panel in panels(dashboard)]
    sources += [target["datasource"] for panel in panels(dashboard) for target in panel["targets"]]
    sources += [each["datasource"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    assert {(source["type"], source["uid"]) for source in sources} == {("prometheus", "${datasource}")}
    assert {each["datasource"]["uid"] for each in dashboard["annotations"]["list"]} == {BUILT_IN}


def test_every_variable_that_is_used_is_defined(dashboard):
    """By the dashboard before its use, or by Grafana."""
    defined = ["datasource"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert set(VARIABLE.findall(variable["query"]["query"])) <= set(defined)
        defined.append(variable["name"])
    used = {name for query in queries(dashboard) for name in VARIABLE.findall(query)}
    assert used <= {*defined, *OF_GRAFANA}
    assert set(VARIABLES) < set(defined)


def test_every_name_is_one_that_runs_expose(dashboard):
    """Metrics and the labels that are asked of them, in queries and in variables."""
    series, labels = exposed(), {*(name for family in FAMILIES for name in family.labels), "le"}
    variables = [each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    for query in [*queries(dashboard), *variables]:
        assert METRIC.findall(query), query
        assert set(METRIC.findall(query)) <= set(series), query
        for name, matchers in SELECTED.findall(query):
            assert set(re.findall(r"(\w+)[=!]", matchers)) <= series[name], query
        for group in GROUPED.findall(query):
            assert set(filter(None, group.split(", "))) <= labels, query


def test_every_query_is_one_that_prometheus_takes(dashboard, empty_prometheus):
    """With any choice of the variables; there is nothing to find yet."""
    for query in queries(dashboard):
        assert empty_prometheus.query(substituted(query)) == []


def test_the_preview_reads_what_grafana_does(dashboard):
    """The same panels and queries, and every variable as it is when everything is chosen."""
    [name] = (name for name, each in DASHBOARDS.items() if each is dashboard)
    read = read_dashboard(DIRECTORY / name)
    assert [panel.title for panel in read.panels] == [panel["title"] for panel in panels(dashboard)]
    asked = [read.asked(target, 3600) for panel in read.panels for target in panel.targets]
    assert asked == [substituted(query, __range="3600s") for query in queries(dashboard)]


def test_panels_against_peers_read_them_as_numbers(dashboard):
    """A table by contender and peers becomes one line a contender, along a sorted axis of numbers."""
    for panel in panels(dashboard):
        if panel["type"] != "trend":
            continue
        axis = panel["options"]["xField"]
        matrix, numbers, order = (each["options"] for each in panel["transformations"])
        assert axis == f"{matrix['rowField']}\\{matrix['columnField']}"
        assert numbers["conversions"] == [{"targetField": axis, "destinationType": "number"}]
        assert order["sort"] == [{"field": axis}]
        (target,) = panel["targets"]
        assert target["instant"] and target["format"] == "table"


def test_dashboards_lead_to_each_other(dashboard):
    """By a common tag, and take what was chosen along."""
    (link,) = dashboard["links"]
    assert link["type"] == "dashboards" and set(link["tags"]) <= set(dashboard["tags"])
    assert link["includeVars"] and link["keepTime"]


def test_central_servers_and_ties_are_those_of_the_reports():
    """Which dashboards may not import, as they know nothing of the harness but names."""
    assert set(CENTRAL.split("|")) == central()
    assert TIE == 1 + TIE_OF_REPORTS


def test_every_label_of_a_step_is_there_to_choose_or_to_group_by():
    """A reader chooses by run, scenario, lab and contender; peers are an axis, repeats are put together."""
    assert set(STEP) - set(VARIABLES) == {"peers", "repeat"}
