"""The verdict on pairs: a pure function of what was measured.

A figure is suspect when it fell by more than is tolerated and chance hardly explains it; it is a regression when a
second batch, which was to come whatever the first had shown, says so too. Where pairs scatter too much to tell, the
verdict says that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.analysis.paired import hodges_lehmann, hodges_lehmann_interval, holm, log_ratios, wilcoxon_less
from harness.analysis.statistics import Interval, median
from harness.gate.plan import LEVEL, WIDEST, Experiment, Limit, Plan


class Outcome(StrEnum):
    """What is known of a figure."""

    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: a figure or counter of one contender in one experiment."""

    experiment: str
    contender: str
    figure: str

    def __str__(self) -> str:
        return f"{self.experiment} · {self.contender} · {self.figure}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure in both arms, measured side by side."""

    base: float
    head: float


Batch = Mapping[Subject, Sequence[Pair]]
"""The pairs of each subject, in the order of their measurement."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure in one batch: its change as a share (negative: it fell), the interval, and how likely chance is."""

    change: float
    interval: Interval
    p: float
    suspect: bool
    wide: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """A subject's outcome, the reason in words, what each batch said (nothing of counters), and the figure itself in
    both arms."""

    subject: Subject
    outcome: Outcome
    reason: str
    findings: Sequence[Finding] = ()
    levels: Pair | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All judgements."""

    judgements: Sequence[Judgement]

    @property
    def outcome(self) -> Outcome:
        """The worst: a regression anywhere is one, and what cannot be told passes nowhere."""
        outcomes = {judgement.outcome for judgement in self.judgements}
        return next(each for each in (Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS) if each in outcomes)


def suspects(plan: Plan, first: Batch) -> list[Experiment]:
    """The experiments that a second batch has to repeat, as a figure or counter of theirs is suspect."""
    names = {subject.experiment for subject, finding in _findings(plan, first).items() if finding.suspect}
    names |= {subject.experiment for subject, limit in _counters(plan) if _exceeds(_means(first[subject]), limit)}
    return [experiment for experiment in plan.experiments if experiment.name in names]


def judge(plan: Plan, batches: Sequence[Batch]) -> Verdict:
    """The verdict on one batch, or on two, the second of which has the experiments that were suspect."""
    found = [_findings(plan, batch) for batch in batches]
    judgements = [
        replace(
            _judge_figure(subject, [each[subject] for each in found if subject in each]),
            levels=_levels([pair for batch in batches for pair in batch.get(subject, ())]),
        )
        for subject in found[0]
    ]
    for subject, limit in _counters(plan):
        pairs = [pair for batch in batches for pair in batch.get(subject, ())]
        chance = wilcoxon_less([pair.base - pair.head for pair in pairs])
        judgements.append(judge_counter(subject, _means(pairs), limit, chance))
    return Verdict(judgements)


def _levels(pairs: Sequence[Pair]) -> Pair:
    return Pair(median([pair.base for pair in pairs]), median([pair.head for pair in pairs]))


def _findings(plan: Plan, batch: Batch) -> dict[Subject, Finding]:
    falls = {
        Subject(experiment.name, contender, figure): tolerated
        for experiment in plan.experiments
        for contender in experiment.contenders
        for figure, tolerated in experiment.gates.items()
        if Subject(experiment.name, contender, figure) in batch
    }
    differences = {
        subject: log_ratios([pair.base for pair in batch[subject]], [pair.head for pair in batch[subject]])
        for subject in falls
    }
    adjusted = holm({str(subject): wilcoxon_less(values) for subject, values in differences.items()})
    return {
        subject: _finding(differences[subject], adjusted[str(subject)], tolerated)
        for subject, tolerated in falls.items()
    }


def _finding(differences: Sequence[float], p: float, tolerated: float) -> Finding:
    change = math.expm1(hodges_lehmann(differences))
    low, high = hodges_lehmann_interval(differences)
    interval = Interval(math.expm1(low), math.expm1(high))
    return Finding(
        change=change,
        interval=interval,
        p=p,
        suspect=change < -tolerated and p < LEVEL,
        # However wide: what does not reach down to a fall that matters excludes it.
        wide=(high - low) / 2 > WIDEST and interval.low < -tolerated,
    )


def _judge_figure(subject: Subject, findings: Sequence[Finding]) -> Judgement:
    last = findings[-1]
    if len(findings) > 1 and all(finding.suspect for finding in findings):
        return Judgement(
            subject, Outcome.REGRESSION, f"fell by {-last.change:.1%}, and again in a second batch", findings
        )
    if last.wide:
        return Judgement(
            subject,
            Outcome.INCONCLUSIVE,
            f"pairs scatter by more than ±{WIDEST:.0%}: this machine cannot tell",
            findings,
        )
    if findings[0].suspect:
        if len(findings) == 1:
            return Judgement(subject, Outcome.INCONCLUSIVE, "suspect, and not measured a second time", findings)
        return Judgement(subject, Outcome.PASS, "suspect at first, but a second batch did not agree", findings)
    if last.suspect:
        return Judgement(
            subject, Outcome.PASS, f"{last.change:+.1%} in the second batch, but the first did not agree", findings
        )
    return Judgement(subject, Outcome.PASS, f"{last.change:+.1%}", findings)


def judge_counter(subject: Subject, means: Pair, limit: Limit, chance: float = 0.0) -> Judgement:
    """The verdict on a counter, as a share of what was delivered, by its means.

    It may not exceed `most`, whatever the reason; but growth is a regression only where chance hardly explains it, as
    counters scatter, too: `chance` is the probability of such pairs if nothing had changed.
    """
    outcome, told = Outcome.PASS, f"{means.base:.2%} before"
    if means.head > limit.most:
        outcome, told = Outcome.REGRESSION, f"over the limit of {limit.most:.1%}"
    elif _exceeds(means, limit):
        told = f"more than {limit.growth:g} times {means.base:.2%}"
        if chance < LEVEL:
            outcome = Outcome.REGRESSION
        else:
            told += ", but pairs scatter so that chance explains it"
    return Judgement(subject, outcome, f"{means.head:.2%} of what was delivered, {told}", levels=means)


def _exceeds(means: Pair, limit: Limit) -> bool:
    return means.head > min(limit.most, max(limit.growth * means.base, limit.floor))


def _means(pairs: Sequence[Pair]) -> Pair:
    return Pair(sum(pair.base for pair in pairs) / len(pairs), sum(pair.head for pair in pairs) / len(pairs))


def _counters(plan: Plan) -> list[tuple[Subject, Limit]]:
    return [
        (Subject(experiment.name, contender, counter), limit)
        for experiment in plan.experiments
        for contender in experiment.contenders
        for counter, limit in experiment.limits.items()
    ]


def subjects(experiment: Experiment) -> list[Subject]:
    """Everything of an experiment that is judged."""
    return [
        Subject(experiment.name, contender, figure)
        for contender in experiment.contenders
        for figure in (*experiment.gates, *experiment.limits)
    ]
