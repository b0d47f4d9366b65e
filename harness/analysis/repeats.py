"""Repeats taken together for summary.json: medians with their intervals, of valid rows only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.analysis.statistics import INTERVAL_NEEDS, median, median_interval
from harness.results.schema import RepeatsRow, Row, Sources, Spread


def repeats(rows: Iterable[Row]) -> list[RepeatsRow]:
    """One for each contender and number of peers that has a valid row, in the order of the rows."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        if row.valid:
            groups.setdefault((row.contender, row.peers), []).append(row)
    return [_together(group) for group in groups.values()]


def _together(rows: Sequence[Row]) -> RepeatsRow:
    def of(figure: Callable[[Row], float | None]) -> Spread:
        return spread([value for row in rows if (value := figure(row)) is not None])

    return RepeatsRow(
        contender=rows[0].contender,
        peers=rows[0].peers,
        repeats=len(rows),
        completion_last_s=of(lambda row: row.completion_s.last),
        completion_p50_s=of(lambda row: row.completion_s.p50),
        first_byte_p50_s=of(lambda row: row.first_byte_s.p50),
        goodput_bytes_per_s=of(lambda row: row.goodput_bytes_per_s),
        efficiency=of(lambda row: row.efficiency),
        origin_offload=of(lambda row: row.origin_offload),
        fairness_jain=of(lambda row: row.fairness_jain),
        cpu_s_per_gib_server=of(lambda row: row.cpu_s_per_gib.server),
        cpu_s_per_gib_peers=of(lambda row: row.cpu_s_per_gib.peers),
        cpu_s_per_gib_harness=of(lambda row: row.cpu_s_per_gib.harness),
        late_starts=sum(row.late_starts for row in rows),
        wasted_bytes=sum(row.wasted_bytes for row in rows),
        sources=Sources(
            origin=sum(row.sources.origin for row in rows),
            peers=sum(row.sources.peers for row in rows),
            webseed=sum(row.sources.webseed for row in rows),
        ),
    )


def spread(values: Sequence[float]) -> Spread:
    """The median of some values and its interval, as far as there are enough of them."""
    if not values:
        return Spread(None)
    if len(values) < INTERVAL_NEEDS:
        return Spread(median(values))
    interval = median_interval(values)
    return Spread(median(values), interval.low, interval.high)
