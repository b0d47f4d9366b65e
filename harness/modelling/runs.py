"""Runs that figures are taken from: read back, and found to be of the same item over the same links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.publish import summarize_recorded
from harness.results.run import Run, read_run
from harness.results.schema import Calibration, Summary
from harness.scenarios.model import Arrival, Scenario


@dataclass(frozen=True, slots=True)
class Known:
    """A run with figures, and where they are from."""

    directory: Path
    scenario: Scenario
    summary: Summary
    rates: Calibration | None


def read(directories: Sequence[Path]) -> list[Known]:
    """The runs in these directories; raises UsageError where one cannot be used, or downloads are not alike."""
    known = [_known(directory) for directory in directories]
    downloads = [run for run in known if run.scenario.lookups is None]
    for run in downloads:
        check_alike(downloads[0], run)
    return known


def check_alike(first: Known, second: Known) -> None:
    """Raise UsageError unless both deliver the same item over the same links: only like is compared with like."""
    for name in ("content", "links", "demand"):
        if getattr(first.scenario, name) != getattr(second.scenario, name):
            raise UsageError(
                f"{second.directory}: cannot stand beside {first.directory}, as their {name} differ; "
                "give runs of the same item over the same links"
            )


def _known(directory: Path) -> Known:
    run = read_run(directory)
    if run.environment is None or not run.finished:
        raise UsageError(f"{directory}: no step of this run is finished, so it has no figures")
    if run.scenario.lookups is None:
        _check_flash_crowd(run)
    return Known(directory, run.scenario, summarize_recorded(run, run.environment), run.environment.calibration)


def _check_flash_crowd(run: Run) -> None:
    if run.scenario.demand.arrival is not Arrival.FLASH:
        raise UsageError(f"{run.directory}: its peers do not come all at once; the models are of flash crowds")
    if run.environment is None or run.environment.calibration is None:
        raise UsageError(f"{run.directory}: its links are unlimited, so neither models nor bounds apply")
