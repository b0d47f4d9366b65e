"""Real runs of one and the same tree, recorded one after the other as a gate would run them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness.gate.arms import HERE, Arm
from harness.gate.figures import read_figure
from harness.gate.judgement import subjects
from harness.gate.measuring import BRIEF, measure
from harness.gate.plan import Experiment
from harness.results.files import append_lines, read_lines

QUIET = Path(__file__).with_name("recorded.jsonl")
NOISY = Path(__file__).with_name("recorded-noisy.jsonl")
"""What was recorded while a hog ran in the background."""

SLOW = Path(__file__).with_name("slow")

HOG = """
import random, time
while True:
    until = time.monotonic() + random.expovariate(2)
    while time.monotonic() < until:
        pass
    time.sleep(random.expovariate(1))
"""
"""Busy for half a second, idle for one, on average: what shares a runner with others is never busy evenly."""


class Recorded(msgspec.Struct, frozen=True):
    """One run of one experiment; values by contender, then by figure or counter."""

    experiment: str
    values: dict[str, dict[str, float]]


def this_tree(name: str, slow: str | None = None) -> Arm:
    """An arm that runs the tree this file is in, slowed down if so wanted (`wall:0.2`, `cpu:0.1`)."""
    variables = {} if slow is None else {"PYTHONPATH": f"{SLOW}:{HERE}", "SWARMBENCH_SLOW": slow}
    return Arm(name, "this tree", HERE, Path(sys.executable), HERE, variables=variables)


def record(experiments: Sequence[Experiment], runs: int, path: Path, tell: Callable[[str], None]) -> None:
    """Append so many runs of each experiment, in turn, to a file; raises SwarmbenchError. Invalid rows do not count."""
    with tempfile.TemporaryDirectory() as room:
        for number in range(1, runs + 1):
            for experiment in experiments:
                out = Path(room) / "run"
                rows = asyncio.run(measure(experiment, this_tree("base"), number, out, [BRIEF]))
                if not all(row.valid for row in rows.values()):
                    tell(f"{experiment.name}: run {number} does not count")
                    continue
                values: dict[str, dict[str, float]] = {}
                for subject in subjects(experiment):
                    value = read_figure(subject.figure, rows[subject.contender])
                    assert value is not None
                    values.setdefault(subject.contender, {})[subject.figure] = value
                append_lines(path, [Recorded(experiment.name, values)])
                tell(f"{experiment.name}: run {number} of {runs}")


def recorded(path: Path) -> dict[str, list[Recorded]]:
    """The runs in a file by experiment, in the order of their measurement."""
    runs: dict[str, list[Recorded]] = {}
    for each in read_lines(path, Recorded):
        runs.setdefault(each.experiment, []).append(each)
    return runs


@contextmanager
def hog() -> Iterator[None]:
    """A background process that takes CPU in bursts."""
    process = subprocess.Popen([sys.executable, "-c", HOG])
    try:
        yield
    finally:
        process.kill()
        process.wait()
