"""What a gate leaves behind: `gate.json` for programs, and the reports that are made from it."""

from __future__ import annotations

import re

import msgspec

from harness.gate.judgement import Finding, Judgement, Verdict


class FigureRecord(msgspec.Struct, frozen=True):
    """One subject's outcome; changes are shares, of each batch in order (none for counters)."""

    experiment: str
    contender: str
    figure: str
    outcome: str
    reason: str
    changes: list[float]
    intervals: list[tuple[float, float]]
    p: list[float]
    base: float | None = None
    head: float | None = None
    """The figure itself in both arms: the median over pairs, of counters the mean."""


class GateRecord(msgspec.Struct, frozen=True):
    """The whole of `gate.json`; also, less the pairs, a line of a history."""

    schema: int
    at: str
    """When the gate ended, in UTC (ISO 8601)."""
    base: str
    head: str
    machine: str
    outcome: str
    pairs: int
    """In a batch; 0 where two stored runs were judged."""
    batches: int
    figures: list[FigureRecord]


SCHEMA = 1

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def record_of(verdict: Verdict, *, at: str, base: str, head: str, machine: str, pairs: int, batches: int) -> GateRecord:
    """The record of a verdict."""
    figures = [_figure(judgement) for judgement in verdict.judgements]
    return GateRecord(SCHEMA, at, base, head, machine, verdict.outcome.value, pairs, batches, figures)


def short(revision: str) -> str:
    """A revision as people read it: twelve digits of a commit, anything else as it is."""
    return revision[:12] if _COMMIT.fullmatch(revision) else revision


def _figure(judgement: Judgement) -> FigureRecord:
    subject, findings = judgement.subject, judgement.findings
    return FigureRecord(
        experiment=subject.experiment,
        contender=subject.contender,
        figure=subject.figure,
        outcome=judgement.outcome.value,
        reason=judgement.reason,
        changes=[finding.change for finding in findings],
        intervals=[_ends(finding) for finding in findings],
        p=[finding.p for finding in findings],
        base=judgement.levels.base if judgement.levels else None,
        head=judgement.levels.head if judgement.levels else None,
    )


def _ends(finding: Finding) -> tuple[float, float]:
    return finding.interval.low, finding.interval.high
