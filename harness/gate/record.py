"""What a gate leaves behind: `gate.json` for programs, and the reports that are made from it."""

from __future__ import annotations

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
    batches: int
    figures: list[FigureRecord]


SCHEMA = 1


def record_of(verdict: Verdict, *, at: str, base: str, head: str, machine: str, pairs: int, batches: int) -> GateRecord:
    """The record of a verdict."""
    figures = [_figure(judgement) for judgement in verdict.judgements]
    return GateRecord(SCHEMA, at, base, head, machine, verdict.outcome.value, pairs, batches, figures)


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
    )


def _ends(finding: Finding) -> tuple[float, float]:
    return finding.interval.low, finding.interval.high
