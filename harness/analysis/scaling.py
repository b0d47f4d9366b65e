"""How figures grow with the number of peers, from whom each was learnt: real links, virtual time, a model, theory.

The rule: where two sources speak of the same, their ratio stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec

from harness.analysis.lookup_points import lookup_points
from harness.analysis.lookups import AFTER
from harness.analysis.points import points
from harness.results.rarity import Rarity
from harness.results.schema import Summary

SIMULATED_LAB = "simulated"


class Source(StrEnum):
    """Where a figure is from, the nearest to the real thing first; neighbours are compared."""

    MEASURED = "measured"
    SIMULATED = "simulated"
    MODEL = "model"
    BOUND = "bound"
    THEORY = "theory"
    """Of lookups, which it does not bound."""


class Metric(StrEnum):
    """What is told, in seconds, bytes, messages, hops or a share; of lookups for an item that one node has."""

    COMPLETION = "completion_s"
    ORIGIN = "origin_bytes"
    MESSAGES = "lookup_messages"
    HOPS = "lookup_hops"
    SUCCESS = "lookup_success"


class Figure(msgspec.Struct, frozen=True):
    """One figure of one contender at one number of peers."""

    metric: Metric
    contender: str
    peers: int
    source: Source
    value: float


class Ratio(msgspec.Struct, frozen=True):
    """A figure divided by that of the next source that has it, too."""

    metric: Metric
    contender: str
    peers: int
    over: Source
    under: Source
    ratio: float


def measured(summary: Summary) -> list[Figure]:
    """The figures of a run: medians over its valid repeats."""
    source = Source.SIMULATED if summary.lab == SIMULATED_LAB else Source.MEASURED
    found: list[tuple[Metric, str, int, float | None]] = []
    for point in points(summary.rows):
        if point.valid and point.last_s is not None:
            found.append((Metric.COMPLETION, point.contender, point.peers, point.last_s))
            found.append((Metric.ORIGIN, point.contender, point.peers, point.origin_bytes))
    for each in lookup_points(summary.lookup_rows):
        if each.valid and each.rarity is Rarity.SINGLE and each.phase != AFTER:
            found.append((Metric.MESSAGES, each.contender, each.nodes, each.messages))
            found.append((Metric.HOPS, each.contender, each.nodes, each.hops))
            found.append((Metric.SUCCESS, each.contender, each.nodes, each.success))
    return [Figure(metric, who, peers, source, value) for metric, who, peers, value in found if value is not None]


def value_of(figures: Iterable[Figure], metric: Metric, contender: str, peers: int, source: Source) -> float | None:
    """One figure; None where nobody told it."""
    key = (metric, contender, peers, source)
    return next((each.value for each in figures if key == (each.metric, each.contender, each.peers, each.source)), None)


def ratios(figures: Sequence[Figure]) -> list[Ratio]:
    """Each figure against that of the next source, where both are known and not zero."""
    told: dict[tuple[Metric, str, int], dict[Source, float]] = {}
    for each in figures:
        told.setdefault((each.metric, each.contender, each.peers), {})[each.source] = each.value
    return [
        Ratio(*key, over, under, values[over] / values[under])
        for key, values in told.items()
        for over, under in pairwise(source for source in Source if values.get(source))
    ]
