"""The gate on real repositories: what it refuses, and one real pair."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import psutil
import pytest

from harness.gate.arms import Arm
from harness.gate.judgement import subjects
from harness.gate.measuring import Measuring, PairRecord
from harness.gate.plan import Experiment, Plan
from harness.results.files import read_lines

ROOT = Path(__file__).parents[2]

HEAD_FIRST = "4"
"""A seed with which the head's run is the first of a gate."""


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    done = subprocess.run(["git", "-C", repository, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a program that says only that it cannot."""
    path = tmp_path / "project"
    (path / "harness").mkdir(parents=True)
    git(path, "init", "--quiet")
    (path / "README").write_text("hello")
    (path / "harness" / "__main__.py").write_text("raise SystemExit('not today')")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "first")
    return path


def gate(cwd: Path, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and what it said on stderr."""
    command = [Path(sys.executable).with_name("swarmbench"), "gate", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_an_unknown_revision_is_one_line(repository):
    """Which, and where."""
    code, told = gate(repository, "--base", "nowhere")
    assert (code, told.count("\n")) == (2, 1)
    assert "'nowhere' is unknown" in told


def test_outside_a_repository_there_is_nothing_to_compare(tmp_path):
    """One line says so."""
    code, told = gate(tmp_path, "--base", "HEAD")
    assert (code, told.count("\n")) == (2, 1)
    assert "no git repository" in told


def test_changes_that_no_revision_holds_are_not_judged_as_one(repository):
    """Unless a head is named."""
    (repository / "README").write_text("changed")
    code, told = gate(repository, "--base", "HEAD")
    assert (code, told.count("\n")) == (2, 1)
    assert "uncommitted changes" in told


def test_a_revision_that_cannot_be_built_is_one_line_and_leaves_nothing(repository):
    """It has no lock, so nothing says what it runs on; no worktree stays behind."""
    code, told = gate(repository, "--base", "HEAD")
    assert (code, told.count("\n")) == (1, 1)
    assert "base: the revision has no requirements.lock" in told
    assert git(repository, "worktree", "list").count("\n") == 1


def test_a_revision_without_the_program_is_not_mistaken_for_the_installed_one(repository):
    """It would be measured in its place, and be found to be just as fast."""
    git(repository, "rm", "--quiet", "-r", "harness")
    git(repository, "commit", "--quiet", "-m", "without")
    code, told = gate(repository, "--base", "HEAD", "--this-python")
    assert (code, told.count("\n")) == (1, 1)
    assert "has no harness/__main__.py" in told


def test_a_revision_that_cannot_run_is_one_line_and_leaves_nothing(repository):
    """The arm and what it said."""
    code, told = gate(repository, "--base", "HEAD", "--this-python", "--out", repository.parent / "out")
    assert code == 1
    assert told.count("\n") == 1
    assert "cannot run speed: not today" in told
    assert git(repository, "worktree", "list").count("\n") == 1


def test_an_environment_that_cannot_be_built_is_one_line_and_leaves_nothing(repository, tmp_path, monkeypatch):
    """What pip says last; no half of an environment is taken for a whole one later."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (repository / "requirements.lock").write_text(f"such @ file://{tmp_path}/nowhere --hash=sha256:{'0' * 64}\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "with a lock")
    code, told = gate(repository, "--base", "HEAD")
    assert (code, told.count("\n")) == (1, 1)
    assert "base: its environment cannot be built: ERROR:" in told
    assert git(repository, "worktree", "list").count("\n") == 1
    assert not list(tmp_path.glob("cache/swarmbench/environments/*"))


def test_an_interrupted_gate_leaves_no_worktree_and_no_process(repository):
    """One line, exit code 1, whatever was just running."""
    marker = repository.parent / "running"
    program = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    (repository / "harness" / "__main__.py").write_text(program)
    git(repository, "commit", "--quiet", "-a", "-m", "endless")
    command = [Path(sys.executable).with_name("swarmbench"), "gate", "--base", "HEAD", "--this-python"]
    gate = subprocess.Popen(command, cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    gate.send_signal(signal.SIGINT)
    _, told = gate.communicate(timeout=30)
    assert (gate.returncode, told.count("\n")) == (1, 1)
    assert "interrupted" in told
    assert git(repository, "worktree", "list").count("\n") == 1
    assert not psutil.pid_exists(int(marker.read_text()))


def test_a_contender_that_crashes_in_one_arm_ends_the_gate(tmp_path):
    """One line tells which arm, and what it said; nobody waits for pairs that cannot come."""
    contender = '[contender.mine]\nserve = "{python} -m http.server {{port}} --bind {{address}}"\nfetch = "{fetch}"\n'
    for name, fetch in (("base", "cp {url} {out}"), ("head", "sh -c 'echo no such luck; exit 4' {out}")):
        (tmp_path / f"{name}.toml").write_text(contender.format(python=sys.executable, fetch=fetch))
    (tmp_path / "plan.toml").write_text(
        '[[experiment]]\nscenario = "speed"\npeers = 1\ngates = { goodput = "10%" }\nset."content.size" = "1MiB"\n'
    )
    files = ("--base-command", "base.toml", "--head-command", "head.toml", "--plan", "plan.toml")
    code, told = gate(tmp_path, *files, "--seed", HEAD_FIRST)
    assert (code, told.count("\n")) == (1, 1)
    assert "head (head.toml) cannot run speed: " in told
    assert "no such luck" in told


def test_a_pair_is_measured_by_both_trees_and_kept(tmp_path):
    """Each by its own harness, in fresh processes; what was measured is on record at once."""
    settings = ("content.size=768MiB",)
    experiment = Experiment("speed", "speed", ("http",), 1, settings, {"goodput": 0.1, "gib_per_cpu_s": 0.05}, {})
    arms = [Arm(name, "this", ROOT, Path(sys.executable), ROOT) for name in ("base", "head")]
    told: list[str] = []
    measuring = Measuring(Plan(1, (experiment,)), arms[0], arms[1], tmp_path, Random(1), told.append)
    batch = asyncio.run(measuring.batch(2, [experiment]))
    assert set(batch) == set(subjects(experiment))
    for pairs in batch.values():
        [pair] = pairs
        assert 1 / 5 < pair.head / pair.base < 5
    records = read_lines(tmp_path / "pairs.jsonl", PairRecord)
    assert {record.figure for record in records} == {"goodput", "gib_per_cpu_s"}
    assert told[-1] == "batch 2, speed: pair 1 of 1"
