"""Whether two runs may be compared: the same scenario, in the same lab, on the same machine."""

from __future__ import annotations

from pathlib import Path

from harness.analysis.difference import Difference, differences
from harness.errors import UsageError
from harness.publish import summarize_recorded
from harness.results.likeness import unlike
from harness.results.run import Run, read_run
from harness.results.schema import Summary


def compare(first: Path, second: Path, *, force: bool) -> list[Difference]:
    """The differences of the second run from the first; raises UsageError where there is nothing to compare, or where
    they are unlike each other and nobody insists."""
    runs = read_run(first), read_run(second)
    differing = list(unlike(*runs))
    if differing and not force:
        raise UsageError(
            f"{second}: cannot be compared with {first}: {'; '.join(differing)}; --force compares them anyway"
        )
    found = differences(*(_summary(run) for run in runs))
    if not found:
        raise UsageError(f"{second}: has no step in common with {first}: compare runs of the same contenders and peers")
    return found


def _summary(run: Run) -> Summary:
    if run.environment is None or not run.finished:
        raise UsageError(f"{run.directory}: no step of this run is finished, so there is nothing to compare")
    return summarize_recorded(run, run.environment)
