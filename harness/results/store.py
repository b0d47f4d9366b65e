"""The run directory as it is written: by one process at a time, step by step, never losing a finished step.

A step's samples are appended before its transfers, or lookups, and a step counts as finished when every one of these is
there; so whatever a crash leaves behind, readers see whole steps only, and resuming drops the rest.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from harness.errors import UsageError
from harness.results.files import append_lines, pretty, read_record, replace_file, writing
from harness.results.run import (
    ENVIRONMENT,
    LOOKUPS,
    NODES,
    SAMPLES,
    SCENARIO,
    STEPS,
    SUMMARY,
    TRANSFERS,
    Run,
    read_run,
)
from harness.results.schema import Beginning, Environment, Lookup, NodeFigures, Sample, Summary, Transfer
from harness.results.step import Step
from harness.scenarios.model import Scenario
from harness.scenarios.writing import write_scenario

DEFAULT_PARENT = Path("results")
LATEST = "latest"


class RunDirectory:
    """A run directory open for writing; as a context manager it holds the directory against other writers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise UsageError(
                f"{self.path}: another swarmbench is writing there; wait for it or choose another --out"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def write_environment(self, environment: Environment) -> None:
        """Keep the environment; raises SwarmbenchError, like every method that writes."""
        replace_file(self.path / ENVIRONMENT, pretty(environment))

    def write_summary(self, summary: Summary) -> None:
        """Replace the summary."""
        replace_file(self.path / SUMMARY, pretty(summary))

    def append_beginning(self, step: Step, began: float) -> None:
        """Keep when a step began, in seconds since 1970; it counts once the step itself is kept."""
        append_lines(self.path / STEPS, [Beginning(step.contender, step.peers, step.repeat, round(began, 6))])

    def append_step(self, transfers: Sequence[Transfer], samples: Sequence[Sample]) -> None:
        """Keep a finished step of downloads."""
        append_lines(self.path / SAMPLES, samples)
        append_lines(self.path / TRANSFERS, transfers)

    def append_lookups(
        self, lookups: Sequence[Lookup], nodes: Sequence[NodeFigures], samples: Sequence[Sample]
    ) -> None:
        """Keep a finished step of lookups."""
        append_lines(self.path / SAMPLES, samples)
        append_lines(self.path / NODES, nodes)
        append_lines(self.path / LOOKUPS, lookups)

    def recover(self) -> Run:
        """What is on record; torn lines and the lines of unfinished steps are removed from the files."""
        run = read_run(self.path)
        kept: dict[str, Sequence[msgspec.Struct]] = {
            TRANSFERS: run.transfers,
            LOOKUPS: run.lookups,
            NODES: run.nodes,
            SAMPLES: run.samples,
            STEPS: run.beginnings,
        }
        for name, records in kept.items():
            content = msgspec.json.Encoder().encode_lines(records)
            file = self.path / name
            if file.exists() and file.stat().st_size != len(content):
                replace_file(file, content)
        return run


def create(path: Path, scenario: Scenario) -> RunDirectory:
    """A new run directory at a path that is free or empty; raises UsageError for any other."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is a file; choose another directory with --out")
    if (path / SCENARIO).exists():
        _make_way(path)
    elif path.exists() and any(not entry.name.endswith(".tmp") for entry in path.iterdir()):
        raise UsageError(f"{path}: is not empty and not a run directory; choose another with --out")
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    replace_file(path / SCENARIO, write_scenario(scenario).encode())
    return RunDirectory(path)


def _make_way(path: Path) -> None:
    """Let a new run have the directory of one that measured nothing; raises UsageError when it did measure."""
    with RunDirectory(path):
        summary = read_record(path / SUMMARY, Summary)
        if summary is not None and summary.complete:
            raise UsageError(f"{path}: holds a finished run; choose another --out, or see: swarmbench report {path}")
        if read_run(path).finished:
            raise UsageError(f"{path}: holds an unfinished run; continue it with --resume, or choose another --out")
        for name in (ENVIRONMENT, SUMMARY, TRANSFERS, LOOKUPS, NODES, SAMPLES, STEPS):
            (path / name).unlink(missing_ok=True)


def reopen(path: Path, scenario: Scenario) -> RunDirectory:
    """The run directory of an earlier run, to continue it; raises UsageError if its scenario was another."""
    earlier = read_run(path).scenario
    if replace(earlier, thresholds=()) != replace(scenario, thresholds=()):  # they change nothing that is measured
        differing = _differences(write_scenario(earlier), write_scenario(scenario))
        raise UsageError(
            f"{path}: was run with another scenario ({differing}); resume with the same, or choose another --out"
        )
    return RunDirectory(path)


def default_path(scenario: Scenario) -> Path:
    """A fresh path `results/<time>-<scenario>`."""
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{scenario.name}"
    path, count = DEFAULT_PARENT / stem, 1
    while path.exists():
        count += 1
        path = DEFAULT_PARENT / f"{stem}-{count}"
    return path


def latest_path() -> Path:
    """The run that `results/latest` points at; raises UsageError if there is none."""
    link = DEFAULT_PARENT / LATEST
    if not link.exists():
        raise UsageError(f"{link}: there is no run to resume; name its directory with --out")
    return link.parent / link.readlink()


def point_latest_at(path: Path) -> None:
    """Let `results/latest` point at a run in the default place."""
    draft = DEFAULT_PARENT / f".{LATEST}.tmp"
    with writing(DEFAULT_PARENT / LATEST):
        draft.unlink(missing_ok=True)
        draft.symlink_to(path.name)
        draft.replace(DEFAULT_PARENT / LATEST)


def _differences(earlier: str, now: str) -> str:
    pairs = zip_longest(earlier.splitlines(), now.splitlines(), fillvalue="nothing")
    return "; ".join(f"there {old}, now {new}" for old, new in pairs if old != new)
