"""What makes runs of one scenario be compared, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lookup_records import SCENARIO_OF_LOOKUPS
from records import SCENARIO

from harness.scenarios.model import Arrival, Content, Demand, Link, Links, Threshold
from harness.scenarios.reading import read_scenario
from harness.scenarios.variant import variant
from harness.scenarios.writing import write_scenario


@pytest.mark.parametrize(
    "changes",
    [
        {"content": Content(9 << 20, 32 * 1024)},
        {"content": Content(8 << 20, 64 * 1024)},
        {"content": Content(8 << 20, 32 * 1024, prewritten=True)},
        {"links": Links(Link(6e6, 5e6), Link(1e6, 4e6), 0.0)},
        {"links": Links(Link(5e6, 5e6), Link(1e6, 4e6), 0.0, loss=0.01)},
        {"demand": Demand(Arrival.RAMP, 10.0)},
    ],
)
def test_another_item_other_links_and_another_demand_are_another_variant(changes):
    """Their figures say nothing of each other."""
    assert variant(replace(SCENARIO, **changes)) != variant(SCENARIO)


@pytest.mark.parametrize(
    "changes",
    [
        {"contenders": ("http",)},
        {"peers": (1, 2, 64)},
        {"repeats": 9},
        {"seed": 7},
        {"title": "Another title", "description": "In other words."},
        {"thresholds": (Threshold(None, "efficiency", ">=", 0.9),)},
    ],
)
def test_who_takes_part_and_how_often_is_no_other_variant(changes):
    """Their steps are further repeats, or steps of their own."""
    assert variant(replace(SCENARIO, **changes)) == variant(SCENARIO)


def test_a_variant_is_the_same_everywhere(tmp_path):
    """Also of the scenario as a run directory keeps it; and it stays, as Prometheus keeps series by it for years."""
    kept = tmp_path / "scenario.toml"
    kept.write_text(write_scenario(SCENARIO))
    assert variant(read_scenario(kept)) == variant(SCENARIO) == "8MiB-399b7d7c"


def test_lookups_are_told_apart_by_their_rate(tmp_path):
    """There is no item whose size people know them by."""
    assert SCENARIO_OF_LOOKUPS.lookups is not None
    faster = replace(SCENARIO_OF_LOOKUPS, lookups=replace(SCENARIO_OF_LOOKUPS.lookups, rate=99.5))
    assert variant(faster).startswith("99.5/s-") and variant(faster) != variant(SCENARIO_OF_LOOKUPS)
