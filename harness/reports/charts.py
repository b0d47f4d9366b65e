"""The charts: which figures they show, and the words beside them.

Only valid rows are drawn. A caption says what to look for; a description says what is seen, for those who cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.comparison import comparisons
from harness.analysis.points import Point, points
from harness.analysis.verdict import capitalized, title
from harness.reports.palette import Look, looks
from harness.reports.plots import LIMIT, MIB, against_peers, over_time, stacked_costs
from harness.results.schema import Row, Summary, Transfer

STEPS_OF_A_CURVE = 200
"""More would not be seen."""

FEW = 3
"""With more contenders than these, the median peers' lines would make a thicket."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; `name` is good for a file or an id, `plot` is to be dressed by whoever shows it."""

    name: str
    heading: str
    caption: str
    description: str
    plot: Any


def charts(summary: Summary, transfers: Sequence[Transfer] = ()) -> list[Chart]:
    """Every chart that the valid rows can fill, in reading order."""
    rows = [row for row in summary.rows if row.valid and row.completion_s.last]
    if not rows:
        return []
    measured = points(rows)
    look = looks(row.contender for row in summary.rows)
    leads = {c.challenger: c.crossover for c in comparisons(measured) if c.crossover is not None}
    limit = "; the limit is the last's" if any(point.bound_s for point in measured) else ""
    starts = " ".join(capitalized(f"{title(name)} leads from {peers} peers on.") for name, peers in leads.items())
    lines: dict[str, Callable[[Point], float | None]] = {
        "last peer": lambda p: p.last_s,
        "median peer": lambda p: p.p50_s,
        LIMIT: lambda p: p.bound_s,
    }
    drawn = [
        Chart(
            "completion",
            "How long until everybody has it",
            f"Lower is better. A mark is one repeat's last peer; lines join medians{limit}. {starts}",
            f"Completion time against the number of peers. {_told(measured, lambda p: p.last_s, 's')}",
            against_peers(
                rows,
                measured,
                look,
                "seconds",
                lambda row: row.completion_s.last,
                lines if len(look) <= FEW else {name: lines[name] for name in ("last peer", LIMIT)},
                crossovers=leads,
            ),
        ),
        Chart(
            "goodput",
            "How much reaches all of them together",
            "Higher is better: bytes delivered to all peers, divided by the time until the last was done.",
            f"Aggregate goodput against the number of peers. {_told(measured, _megabits, 'Mbit/s')}",
            against_peers(
                rows,
                measured,
                look,
                "Mbit/s",
                lambda row: row.goodput_bytes_per_s and row.goodput_bytes_per_s * 8 / 1e6,
                {"measured": _megabits, LIMIT: lambda p: (_megabits(p) or 0) / p.efficiency if p.efficiency else None},
                crossovers=leads,
            ),
        ),
        *_finishers(summary, transfers),
        Chart(
            "origin",
            "What the origin has to send",
            "Lower is better: useful bytes sent by the server, or by the seed that the origin runs.",
            f"Bytes sent by the origin against the number of peers. {_told(measured, _from_origin, 'MiB')}",
            against_peers(rows, measured, look, "MiB", lambda row: row.origin_bytes / MIB, {"measured": _from_origin}),
        ),
        *_efficiency(rows, measured, look),
    ]
    if any(point.cpu_s_per_gib.server or point.cpu_s_per_gib.peers for point in measured):
        drawn.append(
            Chart(
                "cpu",
                "What it costs in CPU",
                "Lower is better: medians, split into the server, all peers together, and the harness that measures.",
                f"CPU-seconds per GiB against the number of peers. {_told(measured, _cpu, 'CPU-s/GiB')}",
                stacked_costs(measured, look),
            )
        )
    return drawn


def _efficiency(rows: Sequence[Row], measured: Sequence[Point], look: Mapping[str, Look]) -> list[Chart]:
    """How close each comes to the theory, where links have rates and so a theory applies."""
    if not any(row.efficiency for row in rows):
        return []
    return [
        Chart(
            "efficiency",
            "How close each comes to its own limit",
            "Higher is better. Limits differ: far from its own, a swarm may still beat a server close to its own.",
            f"Share of the theoretical limit against the number of peers. {_told(measured, _per_cent, '%')}",
            against_peers(
                rows,
                measured,
                look,
                "of the theoretical limit",
                lambda row: row.efficiency,
                {"measured": lambda p: p.efficiency},
                share=True,
            ),
        )
    ]


def _finishers(summary: Summary, transfers: Sequence[Transfer]) -> list[Chart]:
    """Who is done when, at the largest number of peers that is valid; only raw transfers tell."""
    valid = {(row.contender, row.peers, row.repeat) for row in summary.rows if row.valid}
    top = max(peers for _, peers, _ in valid)
    finished: dict[tuple[str, int], list[float]] = {}
    for transfer in transfers:
        step = (transfer.contender, transfer.peers, transfer.repeat)
        if transfer.peers == top and step in valid and transfer.done_s is not None:
            finished.setdefault((transfer.contender, transfer.repeat), []).append(transfer.done_s)
    if top == 1 or not finished:
        return []
    curves = {step: _thinned(sorted(times)) for step, times in finished.items()}
    return [
        Chart(
            "finishers",
            f"When each of the {top} is done",
            "Further left is better, and steep is fair: all finish together. Every repeat is a curve.",
            f"Number of peers that are done against seconds, with {top} peers; every repeat is a curve.",
            over_time(curves, looks(row.contender for row in summary.rows), top),
        )
    ]


def _thinned(times: Sequence[float]) -> list[tuple[float, int]]:
    every = -(-len(times) // STEPS_OF_A_CURVE)
    steps = [(time, done) for done, time in enumerate(times, start=1) if done % every == 0 or done == len(times)]
    return [(0.0, 0), *steps]


def _told(measured: Sequence[Point], figure: Callable[[Point], float | None], unit: str) -> str:
    """The ends of each contender's line in words."""
    sentences = []
    for name in dict.fromkeys(point.contender for point in measured):
        line = [(point.peers, value) for point in measured if point.contender == name and (value := figure(point))]
        ends = dict([line[0], line[-1]]) if line else {}
        told = ", ".join(f"{value:.3g} {unit} at {peers}" for peers, value in ends.items())
        sentences.append(capitalized(f"{title(name)}: {told or 'nothing'}."))
    return " ".join(sentences)


def _megabits(point: Point) -> float | None:
    return point.goodput and point.goodput * 8 / 1e6


def _from_origin(point: Point) -> float:
    return point.origin_bytes / MIB


def _per_cent(point: Point) -> float | None:
    return point.efficiency and point.efficiency * 100


def _cpu(point: Point) -> float:
    return (point.cpu_s_per_gib.server or 0) + (point.cpu_s_per_gib.peers or 0)
