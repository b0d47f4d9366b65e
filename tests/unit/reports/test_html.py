"""What stands in the report, and that data cannot become markup."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest
from records import ENVIRONMENT, SCENARIO, row, summary, transfer, whole_run

from harness.reports.html import render_html
from harness.scenarios.model import Arrival, Content, Demand, Link

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def text_of(page: str) -> str:
    """The page without the scripts and charts at its end and within."""
    return page.split("<script>")[0]


@pytest.fixture(scope="module")
def page() -> str:
    run, transfers = whole_run()
    return render_html(SCENARIO, ENVIRONMENT, run, transfers)


def test_the_verdict_comes_first(page):
    """Before any chart or figure."""
    assert page.index("From 2 peers on the swarm is faster") < page.index("<svg") < page.index("<table")


def test_every_chart_is_drawn_without_scripts_too(page):
    """Six static ones, with a description for screen readers."""
    assert text_of(page).count("<svg") == 6
    assert page.count('role="img" aria-label="') == 6


def test_it_can_be_run_again_from_what_it_says(page):
    """The exact command, quoted for a shell, and the revision."""
    assert "swarmbench run flash-crowd --out &#39;a directory&#39;" in page
    assert "0123abc" in page


def test_measured_rates_stand_beside_nominal_ones(page):
    """4.78 MB/s of 40 Mbit/s."""
    assert "38.24 Mbit/s" in page
    assert "-0.04%" in page


def test_it_asks_no_host_for_anything(page):
    """No address to load from stands in its markup, and its policy forbids what a script might try."""
    assert "default-src 'none'" in page
    assert not any(f'{attribute}="http' in page for attribute in ("src", "href", "srcset", "action"))


def test_what_data_says_is_text_everywhere():
    """Names, errors, reasons and commands are escaped in markup, in attributes and in the charts' data."""
    rows = [row("http", 4, 8.0), row(HOSTILE, 4, 4.0), row("swarm", 4, 9.0, invalid=HOSTILE)]
    hostile = replace(SCENARIO, title=HOSTILE, description=HOSTILE, contenders=(HOSTILE,))
    where = msgspec.structs.replace(
        ENVIRONMENT, machine={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE}, revision=HOSTILE, command=[HOSTILE]
    )
    failed = transfer(HOSTILE, ok=False, error=HOSTILE)
    page = render_html(hostile, where, summary(rows, title=HOSTILE), [failed])
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page


def test_an_invalid_row_is_struck_through_with_its_reason():
    """For all to see, and not in the charts."""
    page = render_html(SCENARIO, ENVIRONMENT, summary([row("http", 4, 8.0, invalid="the machine was saturated")]))
    assert '<tr class="invalid">' in page
    assert "invalid: the machine was saturated" in page
    assert "<svg" not in page


def test_failed_transfers_are_listed_up_to_a_point():
    """The first twenty, and how many more there are."""
    failures = [transfer(f"peer-{i}", ok=False, done_s=None, error="timeout") for i in range(23)]
    page = render_html(SCENARIO, ENVIRONMENT, summary([row("http", 4, None, invalid="failed")]), failures)
    assert "peer-19: timeout" in page
    assert "peer-20: timeout" not in page
    assert "And 3 more in transfers.jsonl" in page


def test_an_interrupted_run_says_so():
    """Even before its first row."""
    page = render_html(SCENARIO, ENVIRONMENT, summary([], complete=False))
    assert "This run is not complete" in page
    assert "Nothing has been measured yet." in page


def test_it_says_what_the_scenario_leaves_out():
    """No delay here; and where there is one, how much."""
    assert "Links have no delay" in render_html(SCENARIO, ENVIRONMENT, summary([]))
    far = replace(SCENARIO, links=replace(SCENARIO.links, delay=0.02))
    assert "Every two hosts are 20 ms apart" in render_html(far, ENVIRONMENT, summary([]))


def test_it_explains_the_limit_that_applies():
    """Late comers have another one, and whole pieces their price, if their number is known."""
    page = render_html(SCENARIO, ENVIRONMENT, summary([]))
    assert "with 256 of them and equal uplinks, 2.0% at 32 peers" in page
    assert "Peers come at different times" not in page
    other = replace(SCENARIO, content=Content(8 << 20, 0), demand=Demand(Arrival.RAMP, 20.0))
    page = render_html(other, ENVIRONMENT, summary([]))
    assert "Peers come at different times" in page
    assert "price of whole pieces" not in page


def test_without_links_the_report_tells_costs_and_draws_no_limits():
    """No theory, no calibration, no chart of efficiency; what a byte costs instead."""
    free = replace(
        SCENARIO,
        content=Content(8 * 2**20, 0, prewritten=True),
        links=replace(SCENARIO.links, server=Link(math.inf, math.inf), peer=Link(math.inf, math.inf)),
    )
    rows = [row(name, 1, last, bound_s=None, efficiency=None) for name, last in (("http", 1.0), ("swarm", 2.0))]
    where = msgspec.structs.replace(ENVIRONMENT, calibration=None)
    page = text_of(render_html(free, where, summary(rows)))
    assert "for 1.40 CPU-seconds a GiB, server and peers together" in page
    assert "the swarm reaches 0.50× the goodput of the central server for 1.00× its CPU" in page
    assert "that theory allows" not in page
    assert "What the links carry" not in page
    assert "fresh pages are dear" in page
    assert page.count('id="efficiency"') == 0
