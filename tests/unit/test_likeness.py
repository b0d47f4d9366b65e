"""What may be compared: runs of one scenario, lab and machine – or any two, where somebody insists."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace
from records import ENVIRONMENT, MIB, SCENARIO, transfer

from harness.errors import UsageError
from harness.likeness import compare
from harness.results import store
from harness.results.schema import Environment
from harness.scenarios.model import Scenario


def recorded(
    path: Path, *, scenario: Scenario = SCENARIO, environment: Environment = ENVIRONMENT, done_s: float = 3.0
) -> Path:
    """A run directory with one step of one peer."""
    directory = store.create(path, scenario)
    directory.write_environment(environment)
    directory.append_step([transfer("peer-1", contender="http", peers=1, repeat=0, done_s=done_s, bytes=8 * MIB)], [])
    return path


def test_like_runs_are_compared(tmp_path: Path) -> None:
    """Other contenders, peers and repeats are no hindrance; what both have is compared."""
    fewer = changed(SCENARIO, contenders=("http",), repeats=1)
    first, second = recorded(tmp_path / "a"), recorded(tmp_path / "b", scenario=fewer, done_s=3.03)
    [found] = compare(first, second, force=False)
    assert (found.contender, found.peers) == ("http", 1)
    assert found.ratio == pytest.approx(1.01)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("lab", "loopback", "the lab differs"),
        ("machine", {"cores": 64}, "the machine differs"),
        ("congestion_control", "bbr", "congestion control differs"),
    ],
)
def test_another_place_is_refused_unless_forced(tmp_path: Path, name: str, value: object, told: str) -> None:
    """The line says what differs and how to insist."""
    first = recorded(tmp_path / "a")
    elsewhere = replace(ENVIRONMENT, **{"machine": ENVIRONMENT.machine, name: value})
    second = recorded(tmp_path / "b", environment=elsewhere)
    with pytest.raises(UsageError, match=rf"{told}.*--force"):
        compare(first, second, force=False)
    assert compare(first, second, force=True)


def test_another_scenario_is_refused(tmp_path: Path) -> None:
    """Another seed is another content, and another file of another size."""
    first = recorded(tmp_path / "a")
    second = recorded(tmp_path / "b", scenario=changed(SCENARIO, seed=2))
    with pytest.raises(UsageError, match="seed differs"):
        compare(first, second, force=False)


def test_runs_without_a_common_step_are_refused(tmp_path: Path) -> None:
    """Also with --force: there is nothing to say."""
    first = recorded(tmp_path / "a")
    store.create(tmp_path / "b", SCENARIO).write_environment(ENVIRONMENT)
    with pytest.raises(UsageError, match="no step of this run is finished"):
        compare(first, tmp_path / "b", force=True)
