"""One step of lookups in virtual time: what `searching` does with fleets on real sockets.

The rule: what comes of a step depends on the scenario and the step alone, to the last bit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

import msgspec

from harness.bench import Bench
from harness.contenders.node_control import Census, Cost
from harness.contenders.overlays import Overlay
from harness.contenders.population import JOIN_S, PROVIDE_EVERY_S, SETTLE_S, Life, Population
from harness.demand.driver import unanswered
from harness.demand.lookups import PATIENCE_S, lookups_rng, plan_lookups
from harness.demand.messages import Answered, Progress
from harness.demand.plan import given_up
from harness.demand.virtual import BREATH_S, LOOK_S, network_of, seed_of, without_collections
from harness.findings import TRAILING_S, Findings, figures, judged, unheard
from harness.labs.base import Host
from harness.labs.simulated.nodes import OverlayNode, Search
from harness.play import Audience
from harness.results.step import Step
from harness.scenarios.model import Scenario


class VirtualSearch:
    """One step on hosts with these names. `go_on` until it is through; times are virtual seconds."""

    def __init__(self, scenario: Scenario, overlay: Overlay, step: Step, names: Sequence[str]) -> None:
        assert scenario.lookups is not None
        supernodes = overlay.supernodes(step.peers)
        self._plan = plan_lookups(scenario.lookups, step.peers, supernodes, lookups_rng(scenario.seed, step))
        self._step = step
        self._family = overlay.family
        self._seed = seed_of(scenario, step)
        self._network, (_, *self._places) = network_of(scenario, step)
        self._clock = self._network.clock
        self._hosts = [
            Host(name, place.address, place.uplink.rate, place.downlink.rate)
            for name, place in zip(names, self._places, strict=True)
        ]
        self._population = Population(self._hosts, supernodes, scenario.seed)
        self._nodes: dict[str, OverlayNode] = {}
        """Those that live, by name."""
        self._before: dict[str, Census] = {}
        self._costs: dict[str, Cost] = {}
        self._searches: dict[int, Search] = {}
        """By the number of the question, those that began."""
        self._unasked: dict[int, str] = {}
        """The others, and why."""
        self._failure: str | None = None
        self._t0 = 0.0
        self._breath_at = 0.0

    def go_on(self) -> Iterator[Progress]:
        """Let time pass until every lookup has ended, and tell every now and then how far it is."""
        with without_collections():
            yield from self._form()
            if self._failure is None:
                yield from self._provide()
                yield from self._act_out()

    def findings(self, began: float) -> Findings:
        """What came of it; `began` is the time of day at which its times are 0."""
        if self._failure is not None:
            return Findings(began, unheard(self._step, self._plan, self._hosts, self._failure))
        lookups = []
        for number in range(len(self._plan.queries)):
            answer = self._answer(number)
            cost = self._costs.get(answer.lookup or "", Cost())
            found = judged(self._step, self._plan, self._hosts, answer, cost, self._population, self._t0)
            lookups.append(found)
        nodes = [figures(self._step, census, self._before.get(census.id)) for census in self._census()]
        return Findings(began, lookups, nodes)

    # The network

    def _form(self) -> Iterator[Progress]:
        for wave in self._population.waves():
            self._add(wave)
            yield from self._pass(JOIN_S, lambda: all(node.joined for node in self._nodes.values()))
            if waiting := sum(not node.joined for node in self._nodes.values()):
                self._failure = f"{waiting} nodes are not part of the network after {JOIN_S:.0f} s"
                return

    def _provide(self) -> Iterator[Progress]:
        for orders in self._population.give((item.key, item.places) for item in self._plan.items):
            for key, life in orders:
                self._nodes[life.name].provide(key, life.port)
            yield from self._pass(PROVIDE_EVERY_S)
        yield from self._pass(SETTLE_S)
        self._population.settle(self._clock.now)

    def _add(self, places: Iterable[int]) -> list[Life]:
        born = self._population.bear(places, self._clock.now)
        for life in born:
            host, rng = self._places[life.place], Random(f"{life.name}/{self._seed}")
            supernode = self._population.is_supernode(life.place)
            node = OverlayNode(host, life.port, self._family, rng, life.contacts, supernode=supernode)
            self._nodes[life.name] = node
        return born

    def _kill(self, places: Iterable[int]) -> None:
        for life in self._population.alive(places):
            life.died = self._clock.now
            node = self._nodes.pop(life.name)
            node.die()
            self._note_costs(node)

    def _replace(self, place: int) -> None:
        if self._population.alive([place]):
            self._kill([place])
            [heir] = self._add([place])
            for key in self._population.items(place):
                self._nodes[heir.name].provide(key, heir.port)

    # The plan

    def _act_out(self) -> Iterator[Progress]:
        self._before = {census.id: census for census in self._census()}
        self._t0 = t0 = self._clock.now
        plan = self._plan
        for departure in plan.departures:
            self._clock.at(t0 + departure.at_s, self._replace, departure.place)
        if plan.kill_at_s is not None:
            self._clock.at(t0 + plan.kill_at_s, self._kill, plan.killed)
        for number, query in enumerate(plan.queries):
            self._clock.at(t0 + query.at_s, self._ask, number)
        last_s = max((query.at_s for query in plan.queries), default=0.0)
        yield from self._pass(last_s + PATIENCE_S, lambda: self._ended == len(plan.queries))
        yield from self._pass(TRAILING_S)
        for node in self._nodes.values():
            self._note_costs(node)

    def _ask(self, number: int) -> None:
        query = self._plan.queries[number]
        name = self._population.name(query.place, self._plan.generation(query.place, query.at_s))
        if (node := self._nodes.get(name)) is None:
            self._unasked[number] = f"no node {name}"
            return
        self._searches[number] = search = node.seek(self._plan.items[query.item].key)
        self._clock.at(self._clock.now + PATIENCE_S, node.abandon, search)

    @property
    def _ended(self) -> int:
        return len(self._unasked) + sum(search.ended_at is not None for search in self._searches.values())

    def _answer(self, number: int) -> Answered:
        search = self._searches.get(number)
        if search is None:
            return unanswered(number, self._unasked[number])
        return Answered(
            number=number,
            lookup=search.lookup.hex(),
            started_s=search.started_at - self._t0,
            first_peer_s=self._since(search.first_peer_at),
            done_s=self._since(search.ended_at),
            peers=[f"{host}:{port}" for host, port in search.peers],
            hops=search.hops,
            longest=search.longest,
            error=given_up(PATIENCE_S) if search.ended_at is None else None,
        )

    def _since(self, at: float | None) -> float | None:
        return None if at is None else at - self._t0

    def _pass(self, seconds: float, done: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Let so much time pass, or less if it is `done`, which is looked for now and then."""
        end = self._clock.now + seconds
        while self._clock.now < end and not done():
            self._clock.run(min(self._clock.now + LOOK_S, end))
            if time.monotonic() >= self._breath_at:
                yield Progress(0, self._ended, len(self._unasked) + len(self._searches))
                self._breath_at = time.monotonic() + BREATH_S

    def _census(self) -> list[Census]:
        return [
            Census(name, node.age_s, node.joined, **msgspec.structs.asdict(node.census()))
            for name, node in self._nodes.items()
        ]

    def _note_costs(self, node: OverlayNode) -> None:
        for lookup, cost in node.take_costs().items():
            self._costs[lookup.hex()] = self._costs.get(lookup.hex(), Cost()).plus(cost.messages, cost.bytes)


async def search_virtually(bench: Bench, overlay: Overlay, step: Step, *, audience: Audience) -> Findings:
    """Play one step of lookups in virtual time; what is listened to meanwhile gets its turns."""
    began = time.time()
    virtual = VirtualSearch(bench.scenario, overlay, step, [host.name for host in bench.peers[: step.peers]])
    for progress in virtual.go_on():
        audience.progressed(progress)
        await asyncio.sleep(0)
    return virtual.findings(began)
