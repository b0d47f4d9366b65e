"""`swarmbench scale` and `swarmbench crosscheck`, on runs as they would have been recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from records import ENVIRONMENT, SCENARIO, transfer
from running import Swarmbench

from harness.analysis.crosscheck import LARGE_PEERS, REAL_PEERS
from harness.analysis.models.setting import crowd_of
from harness.analysis.models.swarm import play
from harness.cli import perform
from harness.results import store
from harness.scenarios.model import Arrival, Demand, Scenario

RATES = ENVIRONMENT.calibration


@pytest.fixture
def swarmbench(tmp_path: Path) -> Swarmbench:
    return Swarmbench(tmp_path)


def record(path: Path, lab: str, lasts: Mapping[int, float], scenario: Scenario = SCENARIO) -> Path:
    """A run of swarms whose peers are all done at the same time."""
    directory = store.create(path, replace(scenario, contenders=("swarm",), peers=tuple(lasts), repeats=1))
    directory.write_environment(changed(ENVIRONMENT, lab=lab))
    for peers, last in lasts.items():
        directory.append_step([transfer(f"peer-{i}", peers=peers, done_s=last) for i in range(peers)], [])
    return path


def modelled(*counts: int, factor: float = 1.0) -> dict[int, float]:
    """What the model says, or so many times that."""
    return {peers: play(crowd_of(SCENARIO, RATES, peers), 1).last * factor for peers in counts}


def test_figures_are_carried_on(swarmbench: Swarmbench) -> None:
    """Measured and simulated points, model and bound in one picture, one table and one file."""
    real = record(swarmbench.directory / "real", "namespace", modelled(2, 8, factor=1.05))
    simulated = record(swarmbench.directory / "simulated", "simulated", modelled(8, 100))
    told = swarmbench("scale", "--peers", 200, "--run", real, "--run", simulated, "--out", "scaled")
    assert told.returncode == 0, told.stderr
    assert "With 200 peers one server needs" in told.stdout
    assert (swarmbench.directory / "scaled" / "scale.png").read_bytes().startswith(b"\x89PNG")
    scaled = json.loads((swarmbench.directory / "scaled" / "scale.json").read_text())
    assert {figure["source"] for figure in scaled["figures"]} == {"measured", "simulated", "model", "bound", "theory"}
    found = {
        (ratio["over"], ratio["peers"]): ratio["ratio"]
        for ratio in scaled["ratios"]
        if ratio["metric"] == "completion_s"
    }
    assert found["measured", 8] == pytest.approx(1.05)
    assert found["simulated", 100] == pytest.approx(1.0)
    assert found["model", 200] > 1


def test_without_a_run_the_flash_crowd_is_modelled(swarmbench: Swarmbench) -> None:
    """On links that carry what they should; its keys can be set."""
    told = swarmbench("scale", "--peers", 10, "--set", "links.peer.up=0.8mbit", "--out", "scaled")
    assert told.returncode == 0, told.stderr
    scaled = json.loads((swarmbench.directory / "scaled" / "scale.json").read_text())
    assert scaled["pieces"] == 256
    assert scaled["peer_up"] == pytest.approx(0.936e5, rel=1e-3)
    assert scaled["runs"] == []


def test_labs_that_agree_with_the_model_pass(swarmbench: Swarmbench) -> None:
    """Exit code 0, and the table in the terminal and in two files."""
    real = record(swarmbench.directory / "real", "namespace", modelled(*REAL_PEERS, factor=1.05))
    simulated = record(swarmbench.directory / "simulated", "simulated", modelled(*REAL_PEERS, *LARGE_PEERS))
    told = swarmbench("crosscheck", "--real", real, "--simulated", simulated, "--out", "crossed")
    assert told.returncode == 0, told.stderr
    assert "Every bar is met" in told.stdout
    crossed = json.loads((swarmbench.directory / "crossed" / "crosscheck.json").read_text())
    assert [line["peers"] for line in crossed["lines"]] == [*REAL_PEERS, *LARGE_PEERS]
    assert crossed["missed"] == []
    assert "| 1,000 | – |" in (swarmbench.directory / "crossed" / "crosscheck.md").read_text()


def test_bars_that_are_missed_end_with_1(swarmbench: Swarmbench) -> None:
    """Each named below the table: what differs too much, and what nobody measured."""
    real = record(swarmbench.directory / "real", "namespace", modelled(2, 4, 8, 16, factor=1.3))
    simulated = record(swarmbench.directory / "simulated", "simulated", modelled(*REAL_PEERS, 100))
    told = swarmbench("crosscheck", "--real", real, "--simulated", simulated, "--out", "crossed")
    assert (told.returncode, len(told.stderr.splitlines())) == (1, 1)
    assert "bars missed: 6" in told.stderr
    assert "missed: 16 peers: simulated ÷ real is 0.769" in told.stdout
    assert "missed: 1000 peers: model ÷ simulated cannot be told" in told.stdout


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("scale", "--peers", "0"), "0 is not in the range"),
        (("scale", "--run", "nowhere"), "not a run directory"),
        (("scale", "--run", "real", "--set", "content.size=1MiB"), "--run and --set"),
        (("scale", "--run", "real", "--run", "ramp"), "do not come all at once"),
        (("scale", "--run", "real", "--run", "small"), "their content differ"),
        (("scale", "--set", "demand.arrival=ramp", "--set", "demand.over=5s"), "flash crowds"),
        (("crosscheck", "--real", "real", "--simulated", "real"), "is of the namespace lab"),
        (("crosscheck", "--real", "real", "--simulated", "simulated", "--set", "seed=2"), "leave one of"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    told: str,
) -> None:
    """What, where, what to do; exit code 2. Asked without a process of its own, which takes a second to start."""
    record(tmp_path / "real", "namespace", {2: 6.0})
    record(tmp_path / "simulated", "simulated", {2: 6.0})
    ramp = replace(SCENARIO, demand=Demand(Arrival.RAMP, 5.0))
    record(tmp_path / "ramp", "namespace", {2: 6.0}, ramp)
    small = replace(SCENARIO, content=replace(SCENARIO.content, size=1 << 20))
    record(tmp_path / "small", "namespace", {2: 6.0}, small)
    monkeypatch.chdir(tmp_path)
    assert perform(command) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
