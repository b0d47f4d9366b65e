"""From one peer to a million: what is known from runs, carried on by the models, with theory's bound beneath."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from harness.analysis.models import cost, flooding, fluid, lookup
from harness.analysis.models.crowd import NEIGHBOURS
from harness.analysis.models.setting import bound_of, crowd_of, pieces_of
from harness.analysis.models.swarm import play
from harness.analysis.overlay_theory import flood_reach, flood_success, kademlia_hops
from harness.analysis.scaling import Figure, Metric, Ratio, Source, measured, ratios, value_of
from harness.modelling.runs import Known
from harness.results.schema import Calibration
from harness.results.step import count_of_peers
from harness.scenarios.model import Scenario

SERVER, SWARM = "http", "swarm"

SEARCHES = 200
"""A share is known to about 3 % then."""

DAY_S = 86_400

Told = Callable[[str], None]


class Scaling(msgspec.Struct, frozen=True):
    """The whole of `scale.json`."""

    scenario: str
    size: int
    pieces: int
    server_up: float
    peer_up: float
    peer_down: float
    """Links as they were calibrated, in payload bytes per second; of peers, the first class."""
    peers: int
    seed: int
    runs: list[str]
    figures: list[Figure]
    ratios: list[Ratio]
    crossover: int | None
    """The number of peers from which on a swarm is ahead, by the closed form."""
    steady_peers: float
    steady_download_s: float
    """Were the peers to come evenly over a day and to leave when done: how many there are at a time, and how long each
    downloads for, by the fluid model."""
    verdict: str


def scale(
    scenario: Scenario, rates: Calibration, runs: Sequence[Known], *, peers: int, seed: int, told: Told
) -> Scaling:
    """Every figure there is from 1 to `peers`; `told` hears what is being computed."""
    from_runs = [figure for run in runs for figure in measured(run.summary)]
    counts = steps(peers, [figure.peers for figure in from_runs])
    steady = _steady(scenario, rates, peers)
    figures = [*from_runs, *_downloads(scenario, rates, counts, seed, told), *_lookups(counts, seed, told)]
    return Scaling(
        scenario=scenario.name,
        size=scenario.content.size,
        pieces=pieces_of(scenario.content),
        server_up=rates.server_up,
        peer_up=rates.peer_up_duplex,
        peer_down=rates.peer_down,
        peers=peers,
        seed=seed,
        runs=[str(run.directory) for run in runs],
        figures=figures,
        ratios=ratios(figures),
        crossover=cost.crossover(server_up=rates.server_up, up=rates.peer_up_duplex, down=rates.peer_down),
        steady_peers=fluid.steady(steady).downloads,
        steady_download_s=fluid.download_time(steady),
        verdict=_verdict(scenario, rates, figures, peers),
    )


def steps(peers: int, known: Sequence[int]) -> list[int]:
    """The numbers of peers that are modelled: few to begin with, then a decade each, and those that runs tell of."""
    ladder = [1, 2, 4, 8, 16, 32, *(10**decade for decade in range(2, 12))]
    return sorted({count for count in (*ladder, *known, peers) if count <= peers})


def _downloads(
    scenario: Scenario, rates: Calibration, counts: Sequence[int], seed: int, told: Told
) -> Iterator[Figure]:
    size = scenario.content.size
    for count in counts:
        told(f"a swarm of {count:,}")
        outcome = play(crowd_of(scenario, rates, count), seed)
        alone = bound_of(scenario, rates, count, origin_is_server=True)
        shared = bound_of(scenario, rates, count, origin_is_server=False)
        yield Figure(Metric.COMPLETION, SERVER, count, Source.BOUND, alone)
        yield Figure(Metric.ORIGIN, SERVER, count, Source.BOUND, float(count * size))
        yield Figure(Metric.COMPLETION, SWARM, count, Source.MODEL, outcome.last)
        yield Figure(Metric.ORIGIN, SWARM, count, Source.MODEL, outcome.origin_bytes)
        yield Figure(Metric.COMPLETION, SWARM, count, Source.BOUND, shared)
        yield Figure(Metric.ORIGIN, SWARM, count, Source.BOUND, float(size))


def _lookups(counts: Sequence[int], seed: int, told: Told) -> Iterator[Figure]:
    for count in counts:
        if count < 2:
            continue
        told(f"lookups among {count:,}")
        for contender in lookup.FAMILIES:
            found = lookup.figures(contender, count, SEARCHES, seed)
            yield Figure(Metric.MESSAGES, contender, count, Source.MODEL, found.messages)
            yield Figure(Metric.SUCCESS, contender, count, Source.MODEL, found.success)
            if found.hops is not None:
                yield Figure(Metric.HOPS, contender, count, Source.MODEL, found.hops)
        reach = flood_reach(flooding.NEIGHBOURS, flooding.RINGS[-1], count)
        yield Figure(Metric.HOPS, "swarm-dht", count, Source.THEORY, kademlia_hops(count))
        yield Figure(Metric.SUCCESS, "swarm-gossip", count, Source.THEORY, flood_success(1, reach, count))


def _steady(scenario: Scenario, rates: Calibration, peers: int) -> fluid.Torrent:
    size = scenario.content.size
    return fluid.Torrent(
        arrivals=peers / DAY_S,
        up=rates.peer_up_duplex / size,
        down=rates.peer_down / size,
        departures=math.inf,
        effectiveness=fluid.effectiveness(pieces_of(scenario.content), NEIGHBOURS),
    )


def _verdict(scenario: Scenario, rates: Calibration, figures: Sequence[Figure], peers: int) -> str:
    """What it comes to at the largest number of peers."""
    size = scenario.content.size

    def value(metric: Metric, contender: str, source: Source) -> float:
        found = value_of(figures, metric, contender, peers, source)
        assert found is not None
        return found

    alone = value(Metric.COMPLETION, SERVER, Source.BOUND)
    swarm = value(Metric.COMPLETION, SWARM, Source.MODEL)
    least = value(Metric.COMPLETION, SWARM, Source.BOUND)
    copies = value(Metric.ORIGIN, SWARM, Source.MODEL) / size
    servers = cost.servers(peers, size, swarm, server_up=rates.server_up, up=0, down=rates.peer_down)
    from_on = cost.crossover(server_up=rates.server_up, up=rates.peer_up_duplex, down=rates.peer_down)
    ahead = f" A swarm can be ahead from {count_of_peers(from_on)} on." if from_on else " No swarm can be ahead."
    return (
        f"With {peers:,} peers one server needs {duration(alone)} at least; a swarm takes {duration(swarm)} by the "
        f"model, {swarm / least:.2f} times its bound, and its origin sends {copies:.1f} copies instead of {peers:,}. "
        f"In that time {servers:,} such servers could do it.{ahead}"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for unit, factor in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds:.3g} s"
