"""A finished run in OpenMetrics, with the time of every sample: what a scraper would have seen, from the raw records.

The rule: every second of a step has a sample of each of its series, and what is told of a step goes on to be told until
the run's end, seldom, but often enough for Prometheus, which takes what is older than five minutes for gone.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import IO

from harness.errors import UsageError
from harness.metrics.account import Account
from harness.metrics.names import FAMILIES, PREFIX, Family
from harness.metrics.series import Figures, Ledger, Series, heading, lines
from harness.metrics.timetable import Stint, timetable
from harness.results.run import SUMMARY, Run, read_run
from harness.results.schema import Environment, Lookup, Summary, Transfer
from harness.results.step import order_steps, step_of
from harness.scenarios.variant import variant

TICK_S = 1.0

LINGER_S = 240.0
"""How often a finished step is told of: below the five minutes of Prometheus' look-back."""

Track = list[tuple[float, Figures]]
"""A series over time; seconds since 1970."""


@dataclass(slots=True)
class Recording:
    """The tracks of all series, by family; between which moments they lie, and how many samples they have."""

    laid_out: int
    """Of how many steps nobody recorded the time of day."""
    tracks: dict[Family, list[tuple[Series, Track]]] = field(default_factory=dict)
    samples: int = 0
    first: float = math.inf
    last: float = -math.inf

    def write(self, file: IO[str]) -> None:
        """Write everything as OpenMetrics text."""
        for family in FAMILIES:
            if tracks := self.tracks.get(family):
                file.write(heading(family, PREFIX + family.name))
            for series, track in tracks or ():
                for moment, figures in track:
                    file.write(lines(series.heads, figures, f" {moment:.3f}"))
        file.write("# EOF\n")


def record(directory: Path) -> Recording:
    """The finished run in a directory; raises SwarmbenchError."""
    run = read_run(directory)
    finished, total = len(run.finished), len(order_steps(run.scenario))
    if finished < total or run.environment is None:
        raise UsageError(f"{directory}: {finished} of {total} steps are on record; play the others with --resume")
    if run.summary is None:
        raise UsageError(f"{directory}: there is no {SUMMARY}; make it with: swarmbench report {directory}")
    return _recorded(run, run.environment, run.summary)


def _recorded(run: Run, environment: Environment, summary: Summary) -> Recording:
    table = timetable(run)
    recording = Recording(laid_out=table.laid_out)
    told = (run.directory.resolve().name, run.scenario.name, variant(run.scenario), environment.lab)
    for sitting in table.sittings():
        end = max(_finished_at(stint) for stint in sitting)
        account = Account(*told)
        account.run_started(environment.calibration)
        diary = _Diary(recording, account.ledger)
        diary.linger(sitting[0].began, end)
        for stint in sitting:
            account = Account(*told)
            diary = _Diary(recording, account.ledger)
            _replay(stint, account, diary.note)
            account.step_finished(
                stint.step,
                [row for row in summary.rows if step_of(row) == stint.step],
                [row for row in summary.lookup_rows if step_of(row) == stint.step],
            )
            diary.linger(_finished_at(stint), end)
    return recording


class _Diary:
    """Notes in a recording how a ledger's series are at some moments."""

    def __init__(self, recording: Recording, ledger: Ledger) -> None:
        self._recording = recording
        self._ledger = ledger
        self._tracks: dict[Series, Track] = {}

    def note(self, moment: float) -> None:
        """Note how all of them are."""
        kept = self._recording
        kept.first, kept.last = min(kept.first, moment), max(kept.last, moment)
        for family, series in self._ledger:
            for each in series:
                if each not in self._tracks:
                    self._tracks[each] = []
                    kept.tracks.setdefault(family, []).append((each, self._tracks[each]))
                self._tracks[each].append((moment, each.figures()))
                kept.samples += len(each.heads)

    def linger(self, begin: float, end: float) -> None:
        """Note how all of them stay from one moment to another."""
        for number in range(math.ceil((end - begin) / LINGER_S)):
            self.note(begin + number * LINGER_S)
        self.note(end)


def _replay(stint: Stint, account: Account, note: Callable[[float], None]) -> None:
    """Tell an account what happened in a step, and note each second what it has come to."""
    happened = deque(_happened(stint, account))
    begun = [each.intended_s if each.started_s is None else each.started_s for each in stint.transfers]
    ended = [_end_s(each, stint) for each in stint.transfers]
    account.step_started(stint.step, lookups=bool(stint.lookups))
    for tick in range(_ticks(stint) + 1):
        now = tick * TICK_S
        while happened and happened[0][0] <= now:
            happened.popleft()[1]()
        if stint.transfers:
            account.current_peers(stint.step, sum(at <= now for at in begun) - sum(at <= now for at in ended))
        note(stint.began + now)


def _happened(stint: Stint, account: Account) -> list[tuple[float, Callable[[], None]]]:
    """What happened in a step, in the order of time, each as what tells an account of it."""
    moments: list[tuple[float, Callable[[], None]]] = [
        *((sample.at_s, partial(account.sampled, sample)) for sample in stint.samples),
        *((_end_s(each, stint), partial(account.transfer_ended, each)) for each in stint.transfers),
        *((_end_s(each, stint), partial(account.lookup_ended, each)) for each in stint.lookups),
    ]
    return sorted(moments, key=itemgetter(0))


def _end_s(record: Transfer | Lookup, stint: Stint) -> float:
    """When it ended; what never succeeded, with its step at the latest, as no record says when it was given up."""
    return stint.length_s if record.done_s is None else record.done_s


def _ticks(stint: Stint) -> int:
    return math.ceil(stint.length_s / TICK_S)


def _finished_at(stint: Stint) -> float:
    """When its figures are told: a second after its last, as no record says how long it took to check its files."""
    return stint.began + (_ticks(stint) + 1) * TICK_S
