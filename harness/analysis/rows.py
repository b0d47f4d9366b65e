"""A step summed up: from its raw transfers and samples to one `Row`.

Completion times of single peers (p50, p95, p99) count from each peer's own intended start; `last` counts from the
intended start of the first, as the bound does, so that both are the same for a flash crowd and comparable for every
other arrival. Starting late never flatters a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from harness.analysis.statistics import median, percentile
from harness.results.fairness import jain
from harness.results.schema import CpuPerGiB, Median, Quantiles, Row, Sample, Sources, Transfer, Waits

GIB = 2**30

LATE_S = 0.05
"""A start this far behind its plan is late: more than a busy scheduler costs, less than a person would notice."""

LATE_SHARE_OF_BOUND = 0.01
"""In long steps a start is late only beyond this share of the bound: less moves no result by more than that."""

TOO_MANY_LATE = 0.01
"""More than this share of late starts spoils a row: from there on they reach its p99."""

BEYOND_BOUND = 1.05
"""No one beats a theorem. An efficiency above this (5 % for calibration and bursts): the links did not hold."""


class Step(Protocol):
    """What identifies a step: one contender, one number of peers, one repeat."""

    @property
    def contender(self) -> str:
        """The contender's name."""
        ...

    @property
    def peers(self) -> int:
        """How many peers were to fetch the item, once each."""
        ...

    @property
    def repeat(self) -> int:
        """Which repetition, from 0."""
        ...


def summarize(
    step: Step,
    transfers: Sequence[Transfer],
    samples: Sequence[Sample],
    *,
    bound_s: float | None,
    lab: str,
    size: int,
    own_bounds_s: Sequence[float] | None = None,
    reasons: Sequence[str] = (),
) -> Row:
    """The row of one step; `transfers` and `samples` are that step's alone.

    `size` is the item's in bytes; `own_bounds_s` are the transfers' own, in their order. `reasons` are grounds for
    invalidity known elsewhere, one line each: a deployment that crashed (then there are no transfers), a saturated
    machine.
    """
    done = [(transfer, transfer.done_s) for transfer in transfers if transfer.ok and transfer.done_s is not None]
    durations = [done_s - transfer.intended_s for transfer, done_s in done]
    delivered = sum(transfer.bytes for transfer, _ in done)
    origin = sum(transfer.sources.origin for transfer in transfers)
    last = max(done_s for _, done_s in done) - min(t.intended_s for t in transfers) if done else None
    efficiency = bound_s / last if bound_s and last and len(done) == step.peers else None
    late = _late_starts(transfers, bound_s)
    problems = [*reasons, *_problems(step, transfers, size, late, efficiency)]
    return Row(
        contender=step.contender,
        peers=step.peers,
        repeat=step.repeat,
        lab=lab,
        valid=not problems,
        invalid_reason="; ".join(problems) or None,
        completed=len(done),
        failed=max(step.peers, len(transfers)) - len(done),
        completion_s=_quantiles(durations, last),
        first_byte_s=_first_bytes(transfers),
        first_peer_s=Median(_median(t.first_peer_s - t.intended_s for t in transfers if t.first_peer_s is not None)),
        goodput_bytes_per_s=delivered / last if last else None,
        bound_s=bound_s,
        efficiency=efficiency,
        origin_bytes=origin,
        origin_offload=1 - origin / delivered if delivered else None,
        wasted_bytes=sum(transfer.wasted_bytes for transfer in transfers),
        sources=_sources(transfers),
        cpu_s_per_gib=_cpu(samples, delivered),
        peak_rss_bytes=_peak_rss(samples),
        fairness_jain=_fairness(durations),
        late_starts=late,
        wait_over_own_bound=_waits(transfers, own_bounds_s) if own_bounds_s is not None else None,
    )


def _quantiles(durations: Sequence[float], last: float | None) -> Quantiles:
    if not durations:
        return Quantiles(None, None, None, None)
    p50, p95, p99 = (percentile(durations, q) for q in (50, 95, 99))
    return Quantiles(p50, p95, p99, last)


def _first_bytes(transfers: Sequence[Transfer]) -> Quantiles:
    waits = [t.first_byte_s - t.intended_s for t in transfers if t.first_byte_s is not None]
    return _quantiles(waits, max(waits, default=None))


def _sources(transfers: Sequence[Transfer]) -> Sources:
    return Sources(
        origin=sum(transfer.sources.origin for transfer in transfers),
        peers=sum(transfer.sources.peers for transfer in transfers),
        webseed=sum(transfer.sources.webseed for transfer in transfers),
    )


def _median(values: Iterable[float]) -> float | None:
    listed = list(values)
    return median(listed) if listed else None


def _fairness(durations: Sequence[float]) -> float | None:
    """Over the rates at which peers were served; all got the same bytes, so a rate is the inverse of a duration."""
    rates = [1 / duration for duration in durations if duration > 0]
    return jain(rates) if rates else None


def _waits(transfers: Sequence[Transfer], own_bounds_s: Sequence[float]) -> Waits:
    """Of those that completed."""
    waits = [
        (transfer.done_s - transfer.intended_s) / own_s
        for transfer, own_s in zip(transfers, own_bounds_s, strict=True)
        if transfer.ok and transfer.done_s is not None
    ]
    return Waits(percentile(waits, 50), percentile(waits, 95)) if waits else Waits(None, None)


def _late_starts(transfers: Sequence[Transfer], bound_s: float | None) -> int:
    limit = max(LATE_S, LATE_SHARE_OF_BOUND * (bound_s or 0.0))
    return sum(t.started_s is not None and t.started_s - t.intended_s > limit for t in transfers)


def _problems(
    step: Step, transfers: Sequence[Transfer], size: int, late: int, efficiency: float | None
) -> Iterable[str]:
    """Why these transfers do not count as a measurement, one line each."""
    if not transfers:
        yield "no transfer was recorded"
    failed = [transfer for transfer in transfers if not transfer.ok or transfer.done_s is None]
    if failed:
        first = failed[0]
        yield f"{len(failed)} of {step.peers} transfers failed, first {first.host}: {first.error or 'no reason given'}"
    if transfers and len(transfers) < step.peers:
        yield f"{step.peers - len(transfers)} of {step.peers} transfers left no record"
    short = [transfer for transfer in transfers if transfer.ok and transfer.bytes != size]
    if short:
        yield f"{short[0].host} reports success with {short[0].bytes} of {size} bytes"
    if late > TOO_MANY_LATE * len(transfers):
        yield f"{late} of {len(transfers)} transfers started late"
    if efficiency is not None and efficiency > BEYOND_BOUND:
        yield f"{efficiency - 1:.0%} faster than the theoretical limit: the links exceed their calibration"


def _cpu(samples: Sequence[Sample], delivered: int) -> CpuPerGiB:
    last = {sample.role: sample.cpu_s for sample in sorted(samples, key=lambda sample: sample.at_s)}

    def per_gib(role: str) -> float | None:
        return last[role] * GIB / delivered if last.get(role) and delivered else None  # simulated peers use nothing

    return CpuPerGiB(server=per_gib("server"), peers=per_gib("peers"), harness=per_gib("harness"))


def _peak_rss(samples: Sequence[Sample]) -> int:
    """Each role's peak, added up: at most what they held at one moment. The harness is not the contender's doing."""
    return sum(max((s.rss_bytes for s in samples if s.role == role), default=0) for role in ("server", "peers"))
