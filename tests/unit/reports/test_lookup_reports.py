"""Lookups as they are shown: the table, the charts with theory beside, the page."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from lookup_records import SCENARIO_OF_LOOKUPS, lookup, lookup_row, summary_of
from records import ENVIRONMENT
from rich.console import Console

from harness.analysis.lookups import AFTER, BEFORE
from harness.reports.charts import Chart
from harness.reports.html import render_html
from harness.reports.lookup_charts import lookup_charts
from harness.reports.lookup_method import setting, unmeasured
from harness.reports.plots import dressed
from harness.reports.terminal import print_summary
from harness.results.rarity import Rarity
from harness.results.schema import LookupRow
from harness.scenarios.model import Kill

SIZES = (16, 64)
ROWS = [
    lookup_row(name, nodes, rarity, success=success, neighbours=4.0, longest_hops=2)
    for name, success in (("swarm-dht", 1.0), ("swarm-gossip", 0.5))
    for nodes in SIZES
    for rarity in (Rarity.SINGLE, Rarity.POPULAR)
]


def printed(rows: list[LookupRow], width: int = 160) -> str:
    out = StringIO()
    print_summary(summary_of(rows), Console(file=out, width=width))
    return out.getvalue()


def line_of(text: str, *words: str) -> str:
    [line] = [line for line in text.splitlines() if all(word in line for word in words)]
    return " ".join(line.split())


def values(chart: Chart) -> list[dict]:
    spec = dressed(chart.plot, width=600, height=300, ink="black", background="white", description=chart.description)
    if "datasets" in spec:
        return [value for data in spec["datasets"].values() for value in data]
    return [value for layer in spec["layer"] for value in layer["data"]["values"]]


def drawn(name: str, rows: list[LookupRow] = ROWS) -> list[dict]:
    [chart] = [chart for chart in lookup_charts(summary_of(rows)) if chart.name == name]
    return values(chart)


def test_every_point_has_a_line_with_its_figures():
    """100 lookups, all found, 90 % of the replicas, 2.5 hops, 40 messages of 4 KiB, 12 and 34 ms, all after 100 ms."""
    assert line_of(printed(ROWS), " 64 one node swarm-dht") == (
        "64 one node swarm-dht 100 100.0 90.0 2.50 4.00 40.0 4.00 12.0 34.0 100 yes"
    )


def test_where_nobody_is_killed_no_column_speaks_of_it():
    """Empty columns are left out."""
    assert "failing" not in printed(ROWS) and "when" not in printed(ROWS)


def test_after_a_killing_the_table_says_for_how_long_lookups_failed():
    """0 was measured; a dash is not known, as nothing counted."""
    rows = [
        lookup_row("swarm-dht", 16, phase=BEFORE),
        lookup_row("swarm-dht", 16, phase=AFTER, failing_for_s=0.0),
        lookup_row("swarm-gossip", 16, phase=BEFORE),
        lookup_row("swarm-gossip", 16, phase=AFTER, lookups=0, success=None, failing_for_s=None),
    ]
    text = printed(rows)
    assert line_of(text, "after", "swarm-dht").endswith(" 0.00 yes")
    assert line_of(text, "after", "swarm-gossip").endswith(" – yes")


def test_an_invalid_point_is_explained():
    """A machine that could not keep up with the load."""
    rows = [lookup_row("swarm-dht", 16, valid=False, invalid_reason="9 of 100 lookups started late")]
    assert "invalid  swarm-dht at 16: 9 of 100 lookups started late" in printed(rows)


def test_a_run_fills_every_chart():
    """In the order in which one reads them."""
    names = [chart.name for chart in lookup_charts(summary_of(ROWS))]
    assert names == ["found", "hops", "messages", "first-peer", "found-by-rarity", "messages-by-rarity"]


def test_theory_stands_beside_what_is_measured():
    """log₂ 64 = 6 hops of the structured one; a flood over 2 hops with 4 neighbours reaches 4 + 12 of 63 others."""
    hops = {v["nodes"]: v["figure"] for v in drawn("hops") if v["line"] == "theory"}
    assert hops == {16: 4.0, 64: 6.0}
    reach = {v["nodes"]: v["figure"] for v in drawn("messages") if v["line"] == "theory"}
    assert reach == {16: 15.0, 64: 16.0}
    found = {v["nodes"]: v["figure"] for v in drawn("found") if v["line"] == "theory"}
    assert found == {16: 1.0, 64: pytest.approx(16 / 63)}


def test_charts_show_the_rarest_against_size_and_all_in_the_largest():
    """A mark for each."""
    assert {(v["nodes"], v["rarity"]) for v in drawn("found")} == {(nodes, Rarity.SINGLE) for nodes in SIZES}
    assert {(v["nodes"], v["rarity"]) for v in drawn("found-by-rarity")} == {
        (64, rarity) for rarity in (Rarity.SINGLE, Rarity.POPULAR)
    }


def test_nothing_valid_draws_nothing():
    """Nor does what was found after a killing, which the table and the verdict tell."""
    invalid = [lookup_row("swarm-dht", 16, valid=False, invalid_reason="late")]
    assert lookup_charts(summary_of(invalid)) == []
    assert lookup_charts(summary_of([lookup_row("swarm-dht", 16, phase=AFTER)])) == []


def test_a_chart_is_told_in_words():
    """The ends of each line, for who cannot see it."""
    [chart] = [chart for chart in lookup_charts(summary_of(ROWS)) if chart.name == "found"]
    assert "Swarm-gossip: 50 % at 16 nodes, one node; 50 % at 64 nodes, one node." in chart.description


@pytest.fixture(scope="module")
def page() -> str:
    lost = lookup(ok=False, error="</script><script>alert(1)</script>")
    return render_html(SCENARIO_OF_LOOKUPS, ENVIRONMENT, summary_of(ROWS), [lookup(), lookup(ok=False), lost])


def test_the_page_has_verdict_charts_and_method(page):
    """And speaks of lookups, not of transfers."""
    assert page.index("Among 64 nodes an item that one node has") < page.index("<svg") < page.index("<table")
    assert page.count('role="img" aria-label="') == 6
    assert "lookups.jsonl" in page and "transfers.jsonl" not in page
    assert "π = 1 − e^(−fπ)" in page and "94%" in page


def test_only_lookups_with_an_error_failed(page):
    """To find nobody is a result; and what a fleet says cannot become markup."""
    assert "<script>alert(1)" not in page
    assert page.count("swarm-dht, 16 peers, repeat 0, peer-001: ") == 1


def test_the_method_tells_what_was_asked():
    """Who is killed, who leaves, how much is looked for."""
    lookups = replace(SCENARIO_OF_LOOKUPS.lookups, churn=0.1, kill=Kill(0.5, supernodes=True))
    told = dict(setting(replace(SCENARIO_OF_LOOKUPS, lookups=lookups), "namespace"))
    assert told["Killed at half time"] == "50% of the supernodes"
    assert told["Churn"] == "10% of the nodes a minute"
    assert told["Lookups"] == "40, 2 a second in the whole network"
    assert dict(setting(SCENARIO_OF_LOOKUPS, "namespace"))["Killed at half time"] == "nobody"


def test_what_is_not_measured_is_said():
    """Newcomers on dead nodes' hosts only where there is churn."""
    assert not any("dead ones" in line for line in unmeasured(SCENARIO_OF_LOOKUPS, "namespace"))
    churning = replace(SCENARIO_OF_LOOKUPS, lookups=replace(SCENARIO_OF_LOOKUPS.lookups, churn=0.1))
    assert any("dead ones" in line for line in unmeasured(churning, "namespace"))
