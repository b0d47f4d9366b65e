"""Points: the repeats of one contender at one number of peers, taken together by their medians."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.statistics import INTERVAL_NEEDS, Interval, median, median_interval
from harness.results.schema import CpuPerGiB, Row


@dataclass(frozen=True, slots=True)
class Point:
    """Medians over the valid repeats – over all of them where none is valid, and then `valid` is false.

    Units are those of `Row`. `completed` and `failed` are sums over the repeats counted.
    """

    contender: str
    peers: int
    valid: bool
    reasons: tuple[str, ...]
    """Why repeats were left out, each once."""
    repeats: int
    """How many repeats the figures rest on."""
    completed: int
    failed: int
    last_s: float | None
    last_interval: Interval | None
    """95 % interval of `last_s`; None for fewer than three repeats."""
    p50_s: float | None
    bound_s: float | None
    efficiency: float | None
    goodput: float | None
    origin_bytes: float
    origin_offload: float | None
    wasted_bytes: float
    cpu_s_per_gib: CpuPerGiB
    first_byte_s: float | None
    fairness: float | None
    late_starts: int
    wait_over_own_bound: float | None
    """The median peer's wait as a multiple of its own bound."""

    @property
    def group(self) -> int:
        """What stands together in a table."""
        return self.peers


def points(rows: Iterable[Row]) -> list[Point]:
    """One point for each contender and number of peers, by peers, and contenders in the order of their first rows."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.contender, row.peers), []).append(row)
    return sorted((_point(group) for group in groups.values()), key=lambda point: point.peers)


def largest_shared(measured: Sequence[Point]) -> int | None:
    """The largest number of peers at which every contender among these points has one; None if there is none."""
    by_contender: dict[str, set[int]] = {}
    for point in measured:
        by_contender.setdefault(point.contender, set()).add(point.peers)
    shared = set.intersection(*by_contender.values()) if by_contender else set()
    return max(shared, default=None)


def _point(group: Sequence[Row]) -> Point:
    valid = [row for row in group if row.valid]
    rows = valid or group

    def mid(figure: Callable[[Row], float | None]) -> float | None:
        values = [value for row in rows if (value := figure(row)) is not None]
        return median(values) if values else None

    lasts = [row.completion_s.last for row in rows if row.completion_s.last is not None]
    return Point(
        contender=rows[0].contender,
        peers=rows[0].peers,
        valid=bool(valid),
        reasons=tuple(dict.fromkeys(row.invalid_reason or "no reason given" for row in group if not row.valid)),
        repeats=len(rows),
        completed=sum(row.completed for row in rows),
        failed=sum(row.failed for row in rows),
        last_s=mid(lambda row: row.completion_s.last),
        last_interval=median_interval(lasts) if len(lasts) >= INTERVAL_NEEDS else None,
        p50_s=mid(lambda row: row.completion_s.p50),
        bound_s=mid(lambda row: row.bound_s),
        efficiency=mid(lambda row: row.efficiency),
        goodput=mid(lambda row: row.goodput_bytes_per_s),
        origin_bytes=median([row.origin_bytes for row in rows]),
        origin_offload=mid(lambda row: row.origin_offload),
        wasted_bytes=median([row.wasted_bytes for row in rows]),
        cpu_s_per_gib=CpuPerGiB(
            server=mid(lambda row: row.cpu_s_per_gib.server),
            peers=mid(lambda row: row.cpu_s_per_gib.peers),
            harness=mid(lambda row: row.cpu_s_per_gib.harness),
        ),
        first_byte_s=mid(lambda row: row.first_byte_s.p50),
        fairness=mid(lambda row: row.fairness_jain),
        late_starts=sum(row.late_starts for row in rows),
        wait_over_own_bound=mid(lambda row: row.wait_over_own_bound.p50 if row.wait_over_own_bound else None),
    )
