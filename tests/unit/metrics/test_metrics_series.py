"""Series and their text, as Prometheus' own tools read it."""

from __future__ import annotations

import subprocess

import pytest
from conftest import require_tool
from metric_texts import key, samples_of

from harness.metrics import names
from harness.metrics.names import FAMILIES, Kind
from harness.metrics.series import Ledger

RUN = {"run": "a", "scenario": "b", "variant": "c", "lab": "d"}


def filled() -> Ledger:
    """A series of each family there is."""
    ledger = Ledger()
    for family in FAMILIES:
        series = ledger.at(family, *(f"any {label}" for label in family.labels))
        if family.kind is Kind.HISTOGRAM:
            series.observe(1.5)
        else:
            series.set(1.5)
    return ledger


def test_every_family_passes_prometheus_own_lint():
    """Names, types, help: what promtool thinks of them."""
    promtool = require_tool("promtool", "prometheus")
    done = subprocess.run([promtool, "check", "metrics"], input=filled().exposition(), text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_family_is_read_back():
    """With its value, and of a histogram with each of its buckets."""
    told = samples_of(filled().exposition())
    for family in FAMILIES:
        labels = {label: f"any {label}" for label in family.labels}
        if family.kind is Kind.HISTOGRAM:
            assert told[key(f"{family.name}_count", **labels)] == 1
            assert sum(name == f"{family.full_name}_bucket" for name, _ in told) == len(family.buckets) + 1
        else:
            assert told[key(family.full_name.removeprefix(names.PREFIX), **labels)] == 1.5


@pytest.mark.parametrize("hostile", ['"', "\\", "\n", '"} 1\nfake{a="', "\\n", "ü, €", "", "a b=c{d}"])
def test_any_text_can_be_a_labels_value(hostile):
    """A run's directory may be called anything."""
    ledger = Ledger()
    ledger.at(names.RUN_INFO, hostile, "b", "c", "d").set(1)
    assert samples_of(ledger.exposition()) == {key("run_info", **RUN | {"run": hostile}): 1.0}


def test_a_value_counts_in_the_bucket_that_ends_with_it_and_in_all_above():
    """And in the sum."""
    ledger = Ledger()
    series = ledger.at(names.DURATION, *"abcdefg")
    for value in (0.1, 0.100001, 2000.0):
        series.observe(value)
    told = samples_of(ledger.exposition())
    labels = dict(zip(names.STEP, "abcdefg", strict=True))
    buckets = {
        le: told[key("transfer_duration_seconds_bucket", **labels, le=le)] for le in ("0.1", "0.25", "1800.0", "+Inf")
    }
    assert buckets == {"0.1": 1, "0.25": 2, "1800.0": 2, "+Inf": 3}
    assert told[key("transfer_duration_seconds_sum", **labels)] == pytest.approx(2000.200001)


def test_a_series_is_told_as_it_is_now():
    """Its text is kept only until it changes."""
    ledger = Ledger()
    series = ledger.at(names.RUN_INFO, *"abcd")
    texts = [ledger.exposition()]
    series.add(2)
    texts.append(ledger.exposition())
    assert [samples_of(text)[key("run_info", **RUN)] for text in texts] == [0.0, 2.0]
    assert series.text() is series.text()
