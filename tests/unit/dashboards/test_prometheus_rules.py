"""Prometheus' configuration, as Prometheus' own tools and a real one see it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dashboards.build import DIRECTORY
from dashboards.queries import CENTRAL
from harness.metrics.names import PREFIX
from tests.panels import SELECTED, exposed
from tests.prometheus import Prometheus, prometheus, promtool

RULES = DIRECTORY.parent / "prometheus"


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that runs with what is committed."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), RULES / "prometheus.yml") as running:
        yield running


def rules(running: Prometheus) -> list[dict]:
    return [rule for group in running.get("/api/v1/rules")["groups"] for rule in group["rules"]]


def test_promtool_finds_nothing_wrong():
    """Neither with the configuration nor with the rules, by themselves."""
    assert "SUCCESS" in promtool("check", "config", RULES / "prometheus.yml")
    assert "SUCCESS" in promtool("check", "rules", RULES / "rules.yml", RULES / "alerts.yml")


def test_rules_make_of_runs_what_they_should():
    """Speed-ups, medians of earlier runs, and the alerts, in runs that were made up for it."""
    assert "SUCCESS" in promtool("test", "rules", "tests.yml", cwd=RULES)


def test_rules_ask_for_what_runs_expose(configured):
    """Or for what another rule records; all are in order for a Prometheus that runs."""
    recorded = {rule["name"] for rule in rules(configured) if rule["type"] == "recording"}
    assert len(rules(configured)) == 10
    for rule in rules(configured):
        asked = set(re.findall(rf"[\w:]*\b{PREFIX}\w+[\w:]*|\w+:{PREFIX}[\w:]+", rule["query"]))
        assert asked and asked <= {*exposed(), *recorded}, rule["query"]
        for name, matchers in SELECTED.findall(rule["query"]):
            assert set(re.findall(r"(\w+)[=!]", matchers)) <= exposed()[name], rule["query"]


def test_rules_compare_with_the_same_central_servers_as_the_dashboards(configured):
    """There is no variable in a rule, so that they are named."""
    (best,) = (rule["query"] for rule in rules(configured) if rule["name"].endswith(":best_central"))
    assert f'contender=~"{CENTRAL}"' in best


def test_every_alert_says_what_happened(configured):
    """In one line and at length, with how bad it is."""
    alerts = [rule for rule in rules(configured) if rule["type"] == "alerting"]
    assert {alert["name"] for alert in alerts} == {
        "SwarmbenchGoodputFell",
        "SwarmbenchEfficiencyFell",
        "SwarmbenchTransfersFailed",
    }
    for alert in alerts:
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert alert["annotations"]["summary"] and alert["annotations"]["description"]


def test_runs_are_found_by_files_beside_the_configuration(configured):
    """Which runs write, at the second: there is nothing to edit."""
    assert "targets/*.json" in configured.get("/api/v1/status/config")["yaml"]
