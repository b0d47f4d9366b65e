"""The gate on two runs that were measured before: their repeats, one block after the other.

The rule: blocks do not share the machine's mood, as pairs do, so the interval is the widened one by which runs are
compared (harness.analysis.difference), at 99 % only; where the repeats do not suffice for it, the gate cannot tell.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.analysis.difference import CONFIDENCE, ratio_interval, widened
from harness.analysis.statistics import Interval, median
from harness.errors import UsageError
from harness.gate.figures import COUNTERS, FIGURES
from harness.gate.judgement import Judgement, Outcome, Pair, Subject, Verdict, judge_counter
from harness.gate.plan import WIDEST, Limit
from harness.gate.record import GateRecord, record_of
from harness.publish import summarize_recorded
from harness.results.likeness import unlike
from harness.results.run import Run, read_run
from harness.results.schema import Row
from harness.results.step import count_of_peers

UNLIMITED: Mapping[str, float] = {"goodput": 0.10, "gib_per_cpu_s": 0.05}
SHAPED: Mapping[str, float] = {"efficiency": 0.10}
"""By figure: the fall that is tolerated, as in the packaged plan; without links there is no bound to be efficient by,
and with them the machine is idle most of the time."""

WASTED = Limit(most=0.05, growth=1.5, floor=0.02)

AT_LEAST = 0.5
"""Of the tolerated fall, so much has to be certain. Were it enough that something is, 1.2 % of pairs of equal runs were
regressions, simulated with the scatter and the moods of docs/method.md."""

Rows = Mapping[tuple[str, int], Sequence[Row]]


def gate_stored(base: Path, head: Path) -> GateRecord:
    """The verdict on two run directories; raises UsageError where they are unlike each other, or have nothing in
    common."""
    before, after = read_run(base), read_run(head)
    if differing := list(unlike(before, after)):
        raise UsageError(f"{head}: cannot be gated against {base}: {'; '.join(differing)}")
    ours, theirs = _rows(before), _rows(after)
    common = [key for key in ours if key in theirs]
    if not common:
        raise UsageError(f"{head}: has no step in common with {base}: gate runs of the same contenders and peers")
    tolerated = UNLIMITED if before.scenario.links.unlimited else SHAPED
    name = before.scenario.name
    judgements = [
        judgement for key in common for judgement in _judge_steps(name, key, ours[key], theirs[key], tolerated)
    ]
    return record_of(
        Verdict(judgements),
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        base=str(base),
        head=str(head),
        machine=str(after.environment.machine.get("cpu", "")) if after.environment else "",
        pairs=0,
        batches=1,
    )


def _rows(run: Run) -> Rows:
    """The valid rows of each contender at each number of peers; a step without any is there, too."""
    if run.environment is None or not run.finished:
        raise UsageError(f"{run.directory}: no step of this run is finished, so there is nothing to gate")
    if run.scenario.lookups is not None:
        raise UsageError(f"{run.directory}: is a run of lookups; the gate judges how bytes are moved")
    rows: dict[tuple[str, int], list[Row]] = {}
    for row in summarize_recorded(run, run.environment).rows:
        rows.setdefault((row.contender, row.peers), []).extend([row] if row.valid else [])
    return rows


def _judge_steps(
    name: str, key: tuple[str, int], before: Sequence[Row], after: Sequence[Row], tolerated: Mapping[str, float]
) -> Sequence[Judgement]:
    contender, peers = key
    experiment = f"{name}, {count_of_peers(peers)}"
    judgements = []
    for figure, fall in tolerated.items():
        values = [[value for row in rows if (value := FIGURES[figure](row))] for rows in (before, after)]
        judgements.append(judge_blocks(Subject(experiment, contender, figure), values[0], values[1], fall))
    shares = [[share for row in rows if (share := COUNTERS["wasted"](row)) is not None] for rows in (before, after)]
    if all(shares):
        means = Pair(*(sum(each) / len(each) for each in shares))
        judgements.append(judge_counter(Subject(experiment, contender, "wasted"), means, WASTED))
    return judgements


def judge_blocks(subject: Subject, before: Sequence[float], after: Sequence[float], tolerated: float) -> Judgement:
    """The verdict on one figure's repeats in both runs, of which more is better."""
    if not before or not after:
        return Judgement(subject, Outcome.INCONCLUSIVE, "no valid row on one side")
    levels = Pair(median(before), median(after))
    ratio = levels.head / levels.base
    within = ratio_interval(before, after, (CONFIDENCE,))
    if within is None:
        few = min(len(before), len(after))
        reason = f"{ratio - 1:+.1%}, but {few} repeat{'s' if few > 1 else ''} of a run cannot tell; from 5 on they can"
        return Judgement(subject, Outcome.INCONCLUSIVE, reason, levels=levels)
    wide = widened(within, ratio)
    interval = Interval(wide.low - 1, wide.high - 1)
    told = f"{ratio - 1:+.1%}, between {interval.low:+.1%} and {interval.high:+.1%}"
    fell = ratio < 1 - tolerated
    if fell and wide.high < 1 - AT_LEAST * tolerated:
        return Judgement(subject, Outcome.REGRESSION, told, levels=levels)
    if fell or (wide.low < 1 - tolerated and math.log(wide.high / wide.low) / 2 > WIDEST):
        return Judgement(subject, Outcome.INCONCLUSIVE, f"{told}: these runs cannot tell", levels=levels)
    return Judgement(subject, Outcome.PASS, told, levels=levels)
