"""The repeats of one network, size, rarity and phase taken together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.statistics import median
from harness.results.rarity import Rarity
from harness.results.schema import LookupRow


@dataclass(frozen=True, slots=True)
class LookupPoint:
    """Over the valid repeats – over all of them where none is valid, and then `valid` is false.

    `success` is of all their lookups together, the other figures are medians; units are those of `LookupRow`.
    """

    contender: str
    nodes: int
    rarity: Rarity
    phase: str
    valid: bool
    reasons: tuple[str, ...]
    """Why repeats were left out, each once."""
    repeats: int
    lookups: int
    success: float | None
    recall: float | None
    hops: float | None
    hops_p95: float | None
    longest_hops: float | None
    messages: float | None
    bytes: float | None
    first_peer_s: float | None
    first_peer_p95_s: float | None
    done_s: float | None
    failing_for_s: float | None
    neighbours: float | None
    entries: float | None
    messages_per_node_s: float | None
    dropped: float
    rss_bytes_per_node: float | None

    @property
    def peers(self) -> int:
        """The number of nodes, by the name it has in other points."""
        return self.nodes

    @property
    def group(self) -> tuple[int, str, str]:
        """What stands together in a table."""
        return self.nodes, self.rarity, self.phase


def lookup_points(rows: Iterable[LookupRow]) -> list[LookupPoint]:
    """The points by number of nodes, rarity and phase, each with the networks in the order of their first rows."""
    groups: dict[tuple[str, int, str, str], list[LookupRow]] = {}
    for row in rows:
        groups.setdefault((row.contender, row.nodes, row.rarity, row.phase), []).append(row)
    rarities = list(Rarity)
    # Sorting is stable: within a group the order of the first rows stays.
    return sorted(map(_point, groups.values()), key=lambda p: (p.nodes, rarities.index(p.rarity), p.phase != "before"))


def _point(group: Sequence[LookupRow]) -> LookupPoint:
    valid = [row for row in group if row.valid]
    rows = valid or group

    def mid(figure: Callable[[LookupRow], float | None]) -> float | None:
        values = [value for row in rows if (value := figure(row)) is not None]
        return median(values) if values else None

    lookups = sum(row.lookups for row in rows)
    successes = sum(row.success * row.lookups for row in rows if row.success is not None)
    return LookupPoint(
        contender=rows[0].contender,
        nodes=rows[0].nodes,
        rarity=Rarity(rows[0].rarity),
        phase=rows[0].phase,
        valid=bool(valid),
        reasons=tuple(dict.fromkeys(row.invalid_reason or "no reason given" for row in group if not row.valid)),
        repeats=len(rows),
        lookups=lookups,
        success=successes / lookups if lookups else None,
        recall=mid(lambda row: row.recall),
        hops=mid(lambda row: row.hops.mean),
        hops_p95=mid(lambda row: row.hops.p95),
        longest_hops=mid(lambda row: row.longest_hops),
        messages=mid(lambda row: row.messages),
        bytes=mid(lambda row: row.bytes),
        first_peer_s=mid(lambda row: row.first_peer_s.p50),
        first_peer_p95_s=mid(lambda row: row.first_peer_s.p95),
        done_s=mid(lambda row: row.done_s.p50),
        failing_for_s=mid(lambda row: row.failing_for_s),
        neighbours=mid(lambda row: row.neighbours),
        entries=mid(lambda row: row.entries),
        messages_per_node_s=mid(lambda row: row.messages_per_node_s),
        dropped=median([row.dropped for row in rows]),
        rss_bytes_per_node=mid(lambda row: row.rss_bytes_per_node),
    )
