"""What lookups say about the networks, in a few plain sentences derived from the points, and no more than they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.analysis.lookup_points import LookupPoint, lookup_points
from harness.analysis.lookups import AFTER, BEFORE, WHOLE
from harness.analysis.verdict import capitalized, joined, title
from harness.results.rarity import Rarity
from harness.results.schema import LookupRow

AS_GOOD = 0.02
"""Success rates this close count as equal: a hundred lookups tell no finer."""

MORE = 1.25
"""Costs up to this ratio count as equal."""

_ITEMS = {
    Rarity.SINGLE: "an item that one node has",
    Rarity.RARE: "an item that under 1% have",
    Rarity.COMMON: "an item that 1–10% have",
    Rarity.POPULAR: "an item that over 10% have",
}


def lookup_verdict(rows: Sequence[LookupRow]) -> str:
    """Who finds what, for how much, how that grows with the network, and how it stands a killing."""
    if not rows:
        return "Nothing has been measured yet."
    measured = lookup_points(rows)
    valid = [point for point in measured if point.valid and point.success is not None]
    if not valid:
        return f"No row is valid, so nothing can be concluded; the first says: {measured[0].reasons[0]}."
    return " ".join([*_who_wins(valid), *_growth(valid), *_hops(valid), *_killing(valid), *_left_out(rows)])


def _who_wins(valid: Sequence[LookupPoint]) -> Iterable[str]:
    """For each rarity, in the largest network that all were measured in: what each finds, for how many messages."""
    nodes = largest_shared([point for point in valid if point.phase in (WHOLE, BEFORE)])
    if nodes is None:
        yield "No network size has valid rows of all, so they cannot be compared."
        return
    for rarity, items in _ITEMS.items():
        field = [p for p in valid if p.nodes == nodes and p.rarity is rarity and p.phase in (WHOLE, BEFORE)]
        if not field:
            continue
        told = [f"by {title(p.contender)} in {_percent(p.success)} of lookups ({_count(p.messages)})" for p in field]
        yield f"Among {nodes} nodes {items} is found {joined(told)}{_advantage(field)}."


def _advantage(field: Sequence[LookupPoint]) -> str:
    """Who is to be preferred: the surest, and of those the cheapest."""
    if len(field) < 2:
        return ""
    surest = max(point.success or 0.0 for point in field)
    sure = [point for point in field if (point.success or 0.0) >= surest - AS_GOOD and point.messages is not None]
    if not sure:
        return ""
    cheapest = min(point.messages or 0.0 for point in sure)
    best = [title(point.contender) for point in sure if (point.messages or 0.0) <= MORE * cheapest]
    if len(best) == len(field):
        return "; they are level"
    how = "surest" if len(sure) < len(field) and len(best) == len(sure) else "cheapest of the sure ones"
    if len(sure) == len(field):
        how = "cheapest"
    return f"; {joined(best)} {'is' if len(best) == 1 else 'are'} the {how}"


def _growth(valid: Sequence[LookupPoint]) -> Iterable[str]:
    """How the messages for the rarest items grow from the smallest network to the largest."""
    told = []
    for name in dict.fromkeys(point.contender for point in valid):
        line = [p for p in valid if p.contender == name and p.rarity is Rarity.SINGLE and p.phase in (WHOLE, BEFORE)]
        if len(line) > 1 and line[0].messages and line[-1].messages:
            told.append((name, line[-1].nodes / line[0].nodes, line[-1].messages / line[0].messages))
    if told:
        larger = max(ratio for _, ratio, _ in told)
        costs = joined([f"{cost:.1f}× of {title(name)}" for name, _, cost in told])
        yield f"In a network {larger:.0f} times as large a lookup for the rarest items costs {costs}."


def _hops(valid: Sequence[LookupPoint]) -> Iterable[str]:
    nodes = max(point.nodes for point in valid)
    told = []
    for name in dict.fromkeys(point.contender for point in valid):
        hops = [p.hops for p in valid if p.contender == name and p.nodes == nodes and p.hops is not None]
        if hops:
            told.append(f"{sum(hops) / len(hops):.1f} hops away in {title(name)}")
    if told:
        yield f"Among {nodes} nodes whoever tells of the first peer is {joined(told)}, on average."


def _killing(valid: Sequence[LookupPoint]) -> Iterable[str]:
    """What success was before and after, all rarities together."""
    after = [point for point in valid if point.phase == AFTER]
    for name, nodes in dict.fromkeys((point.contender, point.nodes) for point in after):
        of_it = [point for point in valid if (point.contender, point.nodes) == (name, nodes)]
        rates = [_pooled([point for point in of_it if point.phase == phase]) for phase in (BEFORE, AFTER)]
        failing = max((point.failing_for_s or 0.0 for point in of_it), default=0.0)
        end = f"the last that failed began {failing:.1f} s after it" if failing else "none failed after it"
        yield capitalized(
            f"{title(name)} with {nodes} nodes finds {_percent(rates[0])} before the killing and "
            f"{_percent(rates[1])} after; {end}."
        )


def _pooled(points: Sequence[LookupPoint]) -> float | None:
    lookups = sum(point.lookups for point in points)
    return sum((point.success or 0.0) * point.lookups for point in points) / lookups if lookups else None


def _left_out(rows: Sequence[LookupRow]) -> Iterable[str]:
    invalid = sum(not row.valid for row in rows)
    if invalid:
        yield f"{invalid} of {len(rows)} rows {'is' if invalid == 1 else 'are'} invalid and left out."


def largest_shared(points: Sequence[LookupPoint]) -> int | None:
    """The largest network that every contender among these points was measured in; None if there is none."""
    sizes: dict[str, set[int]] = {}
    for point in points:
        sizes.setdefault(point.contender, set()).add(point.nodes)
    return max(set.intersection(*sizes.values()), default=None) if sizes else None


def _percent(share: float | None) -> str:
    """Never 100 % for less than all."""
    if share is None:
        return "none"
    return f"{min(share * 100, 99.9) if share < 1 else 100:.3g}%"


def _count(messages: float | None) -> str:
    return f"{messages or 0:.0f} messages"
