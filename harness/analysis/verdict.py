"""The verdict: what the rows say, in a few plain sentences, and no more than they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.analysis.comparison import TIE, Comparison, comparisons, is_ahead, is_behind
from harness.analysis.costs import Ratio, ratios
from harness.analysis.points import Point, largest_shared, points
from harness.results.schema import Row

_TITLES = {"http": "the central server", "swarm": "the swarm"}


def title(contender: str) -> str:
    """How a sentence calls a contender."""
    return _TITLES.get(contender, contender)


def verdict(rows: Sequence[Row]) -> str:
    """Who is sooner, from how many peers on, by how much and how close to the limit; or why the rows do not tell."""
    if not rows:
        return "Nothing has been measured yet."
    measured = points(rows)
    valid = [point for point in measured if point.valid and point.last_s is not None]
    if not valid:
        return f"No row is valid, so nothing can be concluded; the first says: {measured[0].reasons[0]}."
    compared = [comparison for comparison in comparisons(valid) if comparison.speedups]
    if compared and _unlimited(valid):
        return " ".join([*_order(valid), *_costs(valid), *_left_out(rows)])
    if len(compared) == 1:
        sentences = [capitalized(_who_wins(compared[0], valid))]
    elif compared:
        sentences = [*_order(valid), *_leads(compared)]
    elif len({point.contender for point in valid}) == 1:
        sentences = [f"Only {title(valid[0].contender)} gave valid rows, so there is nothing to compare it with."]
    else:
        sentences = ["No number of peers has valid rows of both contenders, so nothing can be compared."]
    if len({point.peers for point in valid}) == 1:
        sentences.append("One number of peers says nothing about how it scales.")
    return " ".join([*sentences, *_limits(valid), *_left_out(rows)])


def _who_wins(comparison: Comparison, valid: Sequence[Point]) -> str:
    challenger, baseline = title(comparison.challenger), title(comparison.baseline)
    counts = list(comparison.speedups)
    ahead = [n for n in counts if is_ahead(comparison.speedups[n])]
    behind = [n for n in counts if is_behind(comparison.speedups[n])]
    crossover = comparison.crossover
    amount = _amount(comparison, valid)
    if len(counts) == 1:
        return f"{amount}."
    if not ahead and not behind:
        return f"{challenger} and {baseline} finish within {TIE:.0%} of each other at every number of peers measured."
    if ahead == counts or behind == counts:
        return f"{challenger if ahead else baseline} is faster at every number of peers measured; {amount}."
    if crossover is not None and ahead[0] == crossover:
        fewer = "they are level"
        if behind:
            fewer = f"{baseline} is" if counts[len(behind)] == crossover else f"{baseline} is, or they are level"
        return f"from {crossover} peers on {challenger} is faster, with fewer {fewer}; {amount}."
    wins = [f"{name} is faster at {_listed(ns)}" for name, ns in ((challenger, ahead), (baseline, behind)) if ns]
    level = [n for n in counts if n not in ahead and n not in behind]
    ties = [f"they are level at {_listed(level)}"] if level else []
    return f"the picture is mixed: {', '.join([*wins, *ties])} peers; {amount}."


def _order(valid: Sequence[Point]) -> Iterable[str]:
    """Of three contenders or more: how they come in, at the largest number of peers all of them reached."""
    peers = largest_shared(valid)
    field = sorted((point.last_s, point.contender) for point in valid if point.peers == peers and point.last_s)
    if peers is not None:
        told = [f"{title(name)} {seconds(last)}" for last, name in field]
        yield f"Time until the last of {_count(peers)} is done: {joined(told)}."


def _leads(compared: Sequence[Comparison]) -> Iterable[str]:
    """Of three contenders or more: who leads the baseline, and from where on."""
    baseline = title(compared[0].baseline)
    crossovers = sorted({comparison.crossover for comparison in compared if comparison.crossover is not None})
    for crossover in crossovers:
        leaders = [title(comparison.challenger) for comparison in compared if comparison.crossover == crossover]
        verb = "stays" if len(leaders) == 1 else "stay"
        yield f"From {_count(crossover)} on {joined(leaders)} {verb} ahead of {baseline}."
    others = [title(comparison.challenger) for comparison in compared if comparison.crossover is None]
    if others:
        verb = "does" if len(others) == 1 else "do"
        yield capitalized(f"{joined(others)} {verb} not{'' if crossovers else f' stay ahead of {baseline}'}.")


def _amount(comparison: Comparison, valid: Sequence[Point]) -> str:
    """The difference at the largest number of peers measured."""
    peers, speedup = list(comparison.speedups.items())[-1]
    at = {point.contender: point for point in valid if point.peers == peers}
    ours, theirs = at[comparison.challenger], at[comparison.baseline]
    where = f"at {_count(peers)}"
    if not is_ahead(speedup) and not is_behind(speedup):
        return f"{where} {title(ours.contender)} and {title(theirs.contender)} finish within {TIE:.0%} of each other"
    (winner, loser, factor) = (ours, theirs, speedup) if speedup > 1 else (theirs, ours, 1 / speedup)
    origin = ""
    if ours.origin_offload is not None and ours.origin_offload > 0:
        origin = f", and of {title(ours.contender)}'s bytes the origin sends {_share(1 - ours.origin_offload)}"
    times = f"{factor:.1f} times sooner ({seconds(winner.last_s)} against {seconds(loser.last_s)})"
    return f"{where} {title(winner.contender)} finishes {times}{origin}"


def _limits(valid: Sequence[Point]) -> Iterable[str]:
    """How close each comes to the theoretical limit, at the largest number of peers all of them reached."""
    peers = largest_shared(valid)
    reached = [
        f"{title(point.contender)} {point.efficiency:.0%}"
        for point in valid
        if point.peers == peers and point.efficiency is not None
    ]
    if reached and peers is not None:
        yield f"Share of the speed that theory allows each at {_count(peers)}: {joined(reached)}."


def _unlimited(valid: Sequence[Point]) -> bool:
    """Whether no link limited anybody, so that costs are what is compared."""
    return all(point.bound_s is None for point in valid)


def _costs(valid: Sequence[Point]) -> Iterable[str]:
    """What one moves and spends, in multiples of the others'."""
    compared = ratios(valid)
    for peers in dict.fromkeys(ratio.peers for ratio in compared):
        told = [_cost(ratio) for ratio in compared if ratio.peers == peers]
        yield f"At {_count(peers)} {title(compared[0].subject)} reaches {joined(told)}."


def _cost(ratio: Ratio) -> str:
    cpu = f" for {ratio.cpu:.2f}× its CPU" if ratio.cpu is not None else ""
    return f"{ratio.goodput:.2f}× the goodput of {title(ratio.other)}{cpu}"


def _left_out(rows: Sequence[Row]) -> Iterable[str]:
    invalid = sum(not row.valid for row in rows)
    if invalid:
        yield f"{invalid} of {len(rows)} rows {'is' if invalid == 1 else 'are'} invalid and left out."


def seconds(value: float | None) -> str:
    """A time for people, to three digits."""
    if value is None:
        return "–"
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def _share(value: float) -> str:
    return f"{value:.1%}" if 0 < value < 0.01 else f"{value:.0%}"


def capitalized(sentence: str) -> str:
    """The sentence with a capital at its start, and nothing else changed."""
    return sentence[0].upper() + sentence[1:]


def _count(peers: int) -> str:
    return "1 peer" if peers == 1 else f"{peers} peers"


def _listed(counts: Sequence[int]) -> str:
    return joined([str(count) for count in counts])


def joined(parts: Sequence[str]) -> str:
    """The parts as a sentence lists them."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
