"""When a run's steps were played, by the time of day: as recorded, or laid out for runs that did not record it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.results.run import LOOKUPS, TRANSFERS, Run
from harness.results.schema import Lookup, Sample, Transfer
from harness.results.step import Step, order_steps, step_of

PAUSE_S = 5.0
"""Between steps that are laid out: about what it takes to deploy the next contender."""

SITTING_S = 3600.0
"""Steps that lie further apart were not played in one sitting: the run was interrupted and continued."""


@dataclass(frozen=True, slots=True)
class Stint:
    """A step's stint: when it began (seconds since 1970), and its records."""

    step: Step
    began: float
    transfers: Sequence[Transfer]
    lookups: Sequence[Lookup]
    samples: Sequence[Sample]

    @property
    def length_s(self) -> float:
        """Until its last record."""
        records: Sequence[Transfer | Lookup] = [*self.transfers, *self.lookups]
        ends = [record.intended_s if record.done_s is None else record.done_s for record in records]
        return max([0.0, *ends, *(sample.at_s for sample in self.samples)])

    @property
    def ended(self) -> float:
        """When it ended."""
        return self.began + self.length_s


@dataclass(frozen=True, slots=True)
class Timetable:
    """The steps of a run in the order they began."""

    stints: Sequence[Stint]
    laid_out: int
    """How many of them have no recorded beginning."""

    def sittings(self) -> Iterator[Sequence[Stint]]:
        """The steps of each sitting."""
        sitting: list[Stint] = []
        for stint in self.stints:
            if sitting and stint.began - sitting[-1].ended > SITTING_S:
                yield sitting
                sitting = []
            sitting.append(stint)
        yield sitting


def timetable(run: Run) -> Timetable:
    """When the steps of a run were played.

    Those without a recorded beginning are laid out one after the other before the first that has one; where none has,
    so that the last ends when the records were last written.
    """
    recorded = {step_of(each): each.began for each in run.beginnings}
    steps = [_stint(run, step, recorded.get(step, 0.0)) for step in order_steps(run.scenario) if step in run.finished]
    known = sorted((each for each in steps if each.step in recorded), key=lambda each: each.began)
    unknown = [each for each in steps if each.step not in recorded]
    until = known[0].began - PAUSE_S if known else _last_written(run)
    laid_out: list[Stint] = []
    for stint in reversed(unknown):
        began = until - stint.length_s
        laid_out.insert(0, replace(stint, began=began))
        until = began - PAUSE_S
    return Timetable([*laid_out, *known], len(laid_out))


def _stint(run: Run, step: Step, began: float) -> Stint:
    return Stint(
        step,
        began,
        [transfer for transfer in run.transfers if step_of(transfer) == step],
        [lookup for lookup in run.lookups if step_of(lookup) == step],
        [sample for sample in run.samples if step_of(sample) == step],
    )


def _last_written(run: Run) -> float:
    return (run.directory / (LOOKUPS if run.scenario.lookups else TRANSFERS)).stat().st_mtime
