"""The lookups of a step summed up, one `LookupRow` for each rarity – and where nodes are killed, before and after it.

A lookup counts when there was somebody to be found. Success, recall, hops and costs are the network's doing and hold on
a busy machine; times do not, and a machine that dropped packets or was saturated spoils all of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.rows import LATE_S, TOO_MANY_LATE
from harness.analysis.saturation import saturation
from harness.analysis.statistics import median, percentile
from harness.results.rarity import Rarity
from harness.results.roles import Role
from harness.results.run import Run
from harness.results.schema import (
    Environment,
    Lookup,
    LookupRow,
    MeanAndTail,
    MedianAndTail,
    NodeFigures,
    Sample,
)
from harness.results.step import Step, order_steps, step_of

WHOLE, BEFORE, AFTER = "whole", "before", "after"
"""The phases of a step."""


def lookup_rows(run: Run, environment: Environment) -> list[LookupRow]:
    """The rows of all finished steps, in the order of play, and each step's from the rarest items on."""
    finished = run.finished
    return [
        row for step in order_steps(run.scenario) if step in finished for row in _rows_of_step(run, environment, step)
    ]


def _rows_of_step(run: Run, environment: Environment, step: Step) -> Iterable[LookupRow]:
    assert run.scenario.lookups is not None
    lookups = [lookup for lookup in run.lookups if step_of(lookup) == step]
    samples = [sample for sample in run.samples if step_of(sample) == step]
    nodes = _Nodes.of(step, [node for node in run.nodes if step_of(node) == step], samples)
    reasons = list(_problems(lookups, samples, int(environment.machine["cores"])))
    kill_at_s = run.scenario.lookups.duration / 2 if run.scenario.lookups.kill else None
    for rarity in Rarity:
        for phase, within in _phases(kill_at_s).items():
            group = [lookup for lookup in lookups if lookup.rarity == rarity and within(lookup)]
            if group:
                yield _row(step, environment.lab, rarity, phase, group, nodes, reasons, kill_at_s)


def _phases(kill_at_s: float | None) -> dict[str, Callable[[Lookup], bool]]:
    if kill_at_s is None:
        return {WHOLE: lambda _: True}
    return {BEFORE: lambda lookup: lookup.intended_s < kill_at_s, AFTER: lambda lookup: lookup.intended_s >= kill_at_s}


@dataclass(frozen=True, slots=True)
class _Nodes:
    """A step's nodes taken together: means, but for the drops, which are a sum."""

    neighbours: float | None
    entries: float | None
    messages_per_s: float | None
    dropped: int
    rss_bytes: float | None

    @staticmethod
    def of(step: Step, nodes: Sequence[NodeFigures], samples: Sequence[Sample]) -> _Nodes:
        rss = max((sample.rss_bytes for sample in samples if sample.role == Role.PEERS), default=0)
        return _Nodes(
            neighbours=_mean(node.neighbours for node in nodes),
            entries=_mean(node.entries for node in nodes),
            messages_per_s=_mean(node.sent / node.over_s for node in nodes if node.over_s > 0),
            dropped=sum(node.dropped for node in nodes),
            rss_bytes=rss / step.peers if rss else None,
        )


def _row(
    step: Step,
    lab: str,
    rarity: Rarity,
    phase: str,
    group: Sequence[Lookup],
    nodes: _Nodes,
    reasons: Sequence[str],
    kill_at_s: float | None,
) -> LookupRow:
    judged = [lookup for lookup in group if lookup.replicas > 0 or lookup.ok]
    found = [lookup for lookup in judged if lookup.ok]
    return LookupRow(
        contender=step.contender,
        nodes=step.peers,
        repeat=step.repeat,
        lab=lab,
        valid=not reasons,
        invalid_reason="; ".join(reasons) or None,
        rarity=rarity,
        phase=phase,
        lookups=len(judged),
        success=_mean(float(lookup.ok) for lookup in judged),
        recall=_mean(lookup.found / lookup.replicas for lookup in judged if lookup.replicas),
        hops=_mean_and_tail([lookup.hops for lookup in found if lookup.hops is not None]),
        longest_hops=max((lookup.longest for lookup in judged if lookup.longest is not None), default=None),
        messages=_mean(lookup.messages for lookup in judged),
        bytes=_mean(lookup.bytes for lookup in judged),
        first_peer_s=_median_and_tail(
            [lookup.first_peer_s - lookup.intended_s for lookup in found if lookup.first_peer_s is not None]
        ),
        done_s=_median_and_tail([lookup.done_s - lookup.intended_s for lookup in judged if lookup.done_s is not None]),
        failing_for_s=_failing_for(judged, kill_at_s) if phase == AFTER and kill_at_s is not None else None,
        neighbours=nodes.neighbours,
        entries=nodes.entries,
        messages_per_node_s=nodes.messages_per_s,
        dropped=nodes.dropped,
        rss_bytes_per_node=nodes.rss_bytes,
    )


def _failing_for(judged: Sequence[Lookup], kill_at_s: float) -> float | None:
    if not judged:
        return None
    return max((lookup.intended_s - kill_at_s for lookup in judged if not lookup.ok), default=0.0)


def _problems(lookups: Sequence[Lookup], samples: Sequence[Sample], cores: int) -> Iterable[str]:
    """Why a step's lookups do not count as a measurement, one line each. One that finds nobody is a result."""
    if (saturated := saturation(samples, cores)) is not None:
        yield saturated
    unasked = [lookup for lookup in lookups if lookup.started_s is None]
    if unasked:
        yield f"{len(unasked)} of {len(lookups)} lookups did not begin: {unasked[0].error or 'no reason given'}"
    late = sum(lookup.started_s is not None and lookup.started_s - lookup.intended_s > LATE_S for lookup in lookups)
    if late > TOO_MANY_LATE * len(lookups):
        yield f"{late} of {len(lookups)} lookups started late"


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


def _mean_and_tail(values: Sequence[float]) -> MeanAndTail:
    return MeanAndTail(_mean(values), percentile(values, 95) if values else None)


def _median_and_tail(values: Sequence[float]) -> MedianAndTail:
    return MedianAndTail(median(values), percentile(values, 95)) if values else MedianAndTail(None, None)
