"""Whether two runs may be compared: the same scenario, in the same lab, on the same machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.analysis.difference import Difference, differences
from harness.errors import UsageError
from harness.publish import summarize_recorded
from harness.results.run import Run, read_run
from harness.results.schema import Summary


def compare(first: Path, second: Path, *, force: bool) -> list[Difference]:
    """The differences of the second run from the first; raises UsageError where there is nothing to compare, or where
    they are unlike each other and nobody insists."""
    runs = read_run(first), read_run(second)
    unlike = list(_unlike(*runs))
    if unlike and not force:
        raise UsageError(
            f"{second}: cannot be compared with {first}: {'; '.join(unlike)}; --force compares them anyway"
        )
    found = differences(*(_summary(run) for run in runs))
    if not found:
        raise UsageError(f"{second}: has no step in common with {first}: compare runs of the same contenders and peers")
    return found


def _summary(run: Run) -> Summary:
    if run.environment is None or not run.finished:
        raise UsageError(f"{run.directory}: no step of this run is finished, so there is nothing to compare")
    return summarize_recorded(run, run.environment)


def _unlike(first: Run, second: Run) -> Iterable[str]:
    """What is not the same and would move the figures; contenders, peers and repeats may differ."""
    ours, theirs = first.scenario, second.scenario
    for name in ("content", "links", "demand", "seed"):
        if getattr(ours, name) != getattr(theirs, name):
            yield f"{name} differ" if name == "links" else f"{name} differs"
    if first.environment is None or second.environment is None:
        return
    here, there = first.environment, second.environment
    for name in ("lab", "machine", "kernel", "congestion_control"):
        if getattr(here, name) != getattr(there, name):
            told = "" if name == "machine" else f" ({getattr(here, name)}, {getattr(there, name)})"
            yield f"the {name.replace('_', ' ')} differs{told}"
