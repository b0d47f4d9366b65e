"""Who has what in a network, who looks for what and when, and who leaves meanwhile: a pure function of the scenario.

Every contender of a comparison is asked the same on a network of the same size, but that supernodes, where there are
some, do not churn and so may ask when others would be leaving. A *place* is a number from 0: it stands
for a host and, under churn, for one node after the other that lives there. Times are seconds after the first moment.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from harness.results.rarity import Rarity, rarity
from harness.results.step import Step
from harness.scenarios.model import Kill, Lookups

LARGEST_SHARE = 0.25
"""Every fourth node has the most popular item."""

KEY_BYTES = 20
"""As long as an info-hash."""

PATIENCE_S = 10.0
"""When a lookup is given up. Nobody who looks for something leaves sooner, as that would fail it by our own doing."""

SETTLING_S = 3.0
"""How long a new node has to become part of the network before it is asked to look for something."""


@dataclass(frozen=True, slots=True)
class Sought:
    """An item: its key, and the places whose nodes have it."""

    key: bytes
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """The node at a place looks for an item, which is named by its number."""

    at_s: float
    place: int
    item: int


@dataclass(frozen=True, slots=True)
class Departure:
    """The node at a place dies, and another takes its place."""

    at_s: float
    place: int


@dataclass(frozen=True, slots=True)
class LookupPlan:
    """All that happens in one step, each list in order of time."""

    items: tuple[Sought, ...]
    queries: tuple[Query, ...]
    departures: tuple[Departure, ...]
    kill_at_s: float | None
    killed: tuple[int, ...]
    """The places whose nodes die at that moment, and are not replaced."""

    def generation(self, place: int, at_s: float) -> int:
        """How many nodes have lived at a place before the one that does at this time."""
        return sum(left.place == place and left.at_s <= at_s for left in self.departures)


def plan_lookups(lookups: Lookups, nodes: int, steadfast: int, rng: Random) -> LookupPlan:
    """The plan for that many nodes, of which the first `steadfast` are chosen for staying, and so do not churn."""
    of_items, of_departures, of_killed, of_queries = (Random(rng.random()) for _ in range(4))
    items = _items(lookups.items, nodes, of_items)
    killed = _killed(lookups.kill, nodes, steadfast, of_killed) if lookups.kill else ()
    kill_at_s = lookups.duration / 2 if lookups.kill else None
    departures = tuple(
        left
        for left in _departures(lookups, range(steadfast, nodes), of_departures)
        if kill_at_s is None or left.at_s < kill_at_s or left.place not in killed
    )

    def unfit(at_s: float) -> set[int]:
        near = (left.place for left in departures if at_s - SETTLING_S < left.at_s < at_s + PATIENCE_S)
        return {*killed, *near}

    queries = _queries(lookups, items, nodes, unfit, of_queries)
    return LookupPlan(items, queries, departures, kill_at_s, killed)


def lookups_rng(seed: int, step: Step) -> Random:
    """The randomness of a step's plan: the same for every contender, another for every repeat and number of nodes."""
    return Random(f"lookups/{seed}/{step.peers}/{step.repeat}")


def replica_counts(items: int, nodes: int) -> list[int]:
    """How many nodes have each item, the most popular first: Zipf's law from a quarter of the nodes down to one.

    The nth has c/n^s replicas; both ends set c and s. An only item is one that every fourth node has.
    """
    most = max(1.0, LARGEST_SHARE * nodes)
    exponent = math.log(most) / math.log(items) if items > 1 else 0.0
    return [max(1, round(most / rank**exponent)) for rank in range(1, items + 1)]


def _items(count: int, nodes: int, rng: Random) -> tuple[Sought, ...]:
    return tuple(
        Sought(_key(rng, number), tuple(sorted(rng.sample(range(nodes), replicas))))
        for number, replicas in enumerate(replica_counts(count, nodes))
    )


def _key(rng: Random, number: int) -> bytes:
    return hashlib.sha1(b"%d/%d" % (rng.getrandbits(64), number)).digest()


def _departures(lookups: Lookups, places: Sequence[int], rng: Random) -> tuple[Departure, ...]:
    """At random moments; nobody leaves a second time before everybody has left once."""
    count = round(lookups.churn * len(places) * lookups.duration / 60)
    times = sorted(rng.uniform(0, lookups.duration) for _ in range(count))
    leaving: list[int] = []
    while len(leaving) < count:
        leaving += rng.sample(places, min(len(places), count - len(leaving)))
    return tuple(map(Departure, times, leaving))


def _killed(kill: Kill, nodes: int, steadfast: int, rng: Random) -> tuple[int, ...]:
    among = range(steadfast if kill.supernodes else nodes)
    return tuple(sorted(rng.sample(among, round(kill.share * len(among)))))


def _queries(
    lookups: Lookups, items: Sequence[Sought], nodes: int, unfit: Callable[[float], set[int]], rng: Random
) -> tuple[Query, ...]:
    """Poisson arrivals, once their number is given; every class of rarity is asked for equally often, by turns.

    Whoever asks has not got the item, and is there until the lookup is over; where all such are `unfit`, anybody asks.
    """
    times = sorted(rng.uniform(0, lookups.duration) for _ in range(lookups.count))
    classes = list(_by_rarity(items, nodes).values())
    queries = []
    for turn, at_s in enumerate(times):
        item = rng.choice(classes[turn % len(classes)])
        without = set(range(nodes)).difference(items[item].places)
        queries.append(Query(at_s, rng.choice(sorted(without - unfit(at_s) or without)), item))
    return tuple(queries)


def _by_rarity(items: Sequence[Sought], nodes: int) -> dict[Rarity, list[int]]:
    classes: dict[Rarity, list[int]] = {}
    for number, item in enumerate(items):
        classes.setdefault(rarity(len(item.places), nodes), []).append(number)
    return classes
