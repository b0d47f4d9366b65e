"""The gate on runs that were measured before."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import msgspec
import pytest
from records import ENVIRONMENT, SCENARIO, transfer

from harness.cli import perform
from harness.errors import UsageError
from harness.gate.history import read_history
from harness.gate.judgement import Outcome, Subject
from harness.gate.record import GateRecord
from harness.gate.reports import WORDS
from harness.gate.stored import gate_stored, judge_blocks
from harness.results import store
from harness.scenarios.model import Scenario

GOODPUT = Subject("speed, 1 peer", "http", "goodput")
CV, MEMORY = 0.13, 0.6
"""How single runs scatter, and how much of a run's luck the next one shares (docs/method.md)."""
ONE_PEER = replace(SCENARIO, contenders=("http",), peers=(1,), repeats=6)


def block(rng: Random, repeats: int, level: float = 1.0, cv: float = CV) -> list[float]:
    mood, values = rng.gauss(0, 1), []
    for _ in range(repeats):
        mood = MEMORY * mood + math.sqrt(1 - MEMORY**2) * rng.gauss(0, 1)
        values.append(level * math.exp(cv * mood))
    return values


def share(outcome: Outcome, repeats: int, level: float = 1.0, cv: float = CV) -> float:
    rng = Random(3)
    told = [judge_blocks(GOODPUT, block(rng, repeats, 1, cv), block(rng, repeats, level, cv), 0.1) for _ in range(400)]
    return sum(each.outcome is outcome for each in told) / len(told)


@pytest.mark.parametrize("repeats", [5, 10])
def test_two_runs_of_one_commit_are_hardly_ever_a_regression(repeats):
    """At most one in a hundred, though each run had a mood of its own."""
    assert share(Outcome.REGRESSION, repeats) <= 0.01


def test_a_large_fall_is_found():
    """A half, even with that scatter; and a fifth, on a quiet machine."""
    assert share(Outcome.REGRESSION, 10, level=0.5) >= 0.9
    assert share(Outcome.REGRESSION, 8, level=0.8, cv=0.03) >= 0.9


def test_few_repeats_cannot_tell():
    """Four a side have no interval at 99 %, however clear it looks."""
    told = judge_blocks(GOODPUT, [1.0, 1.01, 0.99, 1.0], [0.5, 0.51, 0.5, 0.49], 0.1)
    assert told.outcome is Outcome.INCONCLUSIVE
    assert "from 5 on they can" in told.reason


def stored(
    path: Path, seconds: float, *, scenario: Scenario = ONE_PEER, lab: str = "namespace", contender: str = "http"
) -> Path:
    """A run whose downloads took about so long."""
    with store.create(path, scenario) as directory:
        directory.write_environment(type(ENVIRONMENT)(**{**fields(), "lab": lab}))
        for repeat in range(scenario.repeats):
            done = seconds * (1 + repeat / 1000)
            whole = scenario.content.size
            one = transfer(contender=contender, peers=1, repeat=repeat, done_s=done, bytes=whole, wasted_bytes=0)
            directory.append_step([one], [])
    return path


def fields() -> dict:
    return {name: getattr(ENVIRONMENT, name) for name in ENVIRONMENT.__struct_fields__}


def test_a_slower_run_is_a_regression_and_the_same_one_passes(tmp_path):
    """By efficiency, as links have rates; with the figure in both runs."""
    base = stored(tmp_path / "base", 3.0)
    assert gate_stored(base, stored(tmp_path / "same", 3.01)).outcome == "pass"
    record = gate_stored(base, stored(tmp_path / "slow", 4.5))
    assert record.outcome == "regression"
    [fallen] = [figure for figure in record.figures if figure.outcome == "regression"]
    assert (fallen.figure, fallen.experiment) == ("efficiency", "flash-crowd, 1 peer")
    assert fallen.base is not None and fallen.head == pytest.approx(fallen.base * 2 / 3, rel=0.01)


def test_unlike_runs_are_refused(tmp_path):
    """As `compare` does, but nobody may insist."""
    base = stored(tmp_path / "base", 3.0)
    with pytest.raises(UsageError, match=r"cannot be gated against .*: the lab differs \(namespace, loopback\)"):
        gate_stored(base, stored(tmp_path / "other", 3.0, lab="loopback"))
    with pytest.raises(UsageError, match="no step in common"):
        gate_stored(
            base, stored(tmp_path / "wide", 2.0, scenario=replace(ONE_PEER, contenders=("swarm",)), contender="swarm")
        )
    with pytest.raises(UsageError, match="not a run directory"):
        gate_stored(base, tmp_path)


def test_the_command_ends_with_the_code_of_its_verdict(tmp_path, capsys):
    """0, 3 or 4; with reports for whoever reads them, and a line in the history."""
    base, slow = stored(tmp_path / "base", 3.0), stored(tmp_path / "slow", 4.5)
    few = stored(tmp_path / "few", 3.0, scenario=replace(ONE_PEER, repeats=3))
    history = tmp_path / "history.jsonl"
    for head, code in ((base, 0), (slow, 3), (few, 4)):
        out = tmp_path / f"gate-{code}"
        arguments = ["gate", head, "--against", base, "--out", out, "--append", history]
        assert perform([str(each) for each in arguments]) == code
        record = msgspec.json.decode((out / "gate.json").read_bytes(), type=GateRecord)
        assert f"swarmbench gate: {WORDS[record.outcome]}" in (out / "gate.md").read_text()
        assert "two stored runs" in (out / "gate.md").read_text()
        assert ElementTree.parse(out / "gate.xml").getroot().get("failures") == str(int(code == 3))
    assert [each.outcome for each in read_history(history)] == ["pass", "regression", "inconclusive"]
    assert f"Reports: {tmp_path / 'gate-3'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name what to compare with"),
        (["--base", "HEAD", "--against", "run"], "and only that"),
        (["--base-command", "a.toml"], "go together"),
        (["run", "--base", "HEAD"], "is judged --against another"),
        (["--against", "run", "--head", "HEAD"], "--head is a revision"),
        (["--base-command", "a.toml", "--head-command", "b.toml"], "a.toml: cannot be read"),
        (["--base", "HEAD", "--plan", "plan.toml"], "unknown figure 'godput'; did you mean 'goodput'"),
    ],
)
def test_a_command_that_makes_no_sense_is_one_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    """Exit code 2, before anything is measured."""
    monkeypatch.chdir(tmp_path)
    plan = '[[experiment]]\nscenario = "speed"\ncontenders = ["http"]\npeers = 1\ngates = { godput = "10%" }\n'
    (tmp_path / "plan.toml").write_text(plan)
    assert perform(["gate", *arguments]) == 2
    told = capsys.readouterr().err
    assert complaint in told
    assert told.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["plan.toml"]
