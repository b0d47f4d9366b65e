"""One step of lookups played: a network formed, its items made known, the plan acted out, and judged by the truth."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import Bench
from harness.contenders.network import Network
from harness.contenders.node_control import Census, Cost
from harness.contenders.overlays import Deployed, Ground, Overlay
from harness.demand.driver import DemandProcess, demand_process, starting_time, unanswered
from harness.demand.lookups import PATIENCE_S, LookupPlan, lookups_rng, plan_lookups
from harness.demand.messages import Answered, Assignment, Question
from harness.errors import SwarmbenchError
from harness.labs.base import Host
from harness.metrics.sampling import Sampler
from harness.play import Audience, time_of_day
from harness.results.files import writing
from harness.results.rarity import rarity
from harness.results.roles import Role
from harness.results.schema import Lookup, NodeFigures, Sample
from harness.results.step import Step

NEAR = 64
"""As many users as Locust may have to spawn and connect at once: lookups are spread, so few are near at any time."""

TRAILING_S = 1.0
"""After the last answer, messages may still be under way for a lookup; its cost is read when they have arrived."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The records of one step."""

    began: float
    """The time of day at which its times are 0."""
    lookups: list[Lookup]
    nodes: list[NodeFigures] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


async def search(bench: Bench, overlay: Overlay, step: Step, *, logs: Path, audience: Audience) -> Findings:
    """Let nodes look for each other as the scenario plans it.

    Whatever fails – the deployment, the demand process, a node – shows as failed lookups with the reason, as many as
    are planned, and the run goes on.
    """
    assert bench.scenario.lookups is not None
    rng = lookups_rng(bench.scenario.seed, step)
    plan = plan_lookups(bench.scenario.lookups, step.peers, overlay.supernodes(step.peers), rng)
    with _directories(bench, step, logs) as sockets:
        ground = Ground(bench.lab, bench.peers[: step.peers], sockets, logs, bench.scenario.seed)
        try:
            # Locust takes a second to warm up; meanwhile the network forms.
            async with demand_process(logs / "locust.log") as demand, overlay.deploy_nodes(ground) as deployed:
                await demand.ready()
                await deployed.network.provide((item.key, item.places) for item in plan.items)
                return await _act_out(demand, deployed, plan, ground.hosts, step, audience)
        except (SwarmbenchError, OSError) as error:
            unheard = [unanswered(number, str(error)) for number in range(len(plan.queries))]
            return Findings(
                time.time(), [_record(step, plan, ground.hosts, answer, Truth(), Cost()) for answer in unheard]
            )


async def _act_out(
    demand: DemandProcess,
    deployed: Deployed,
    plan: LookupPlan,
    hosts: Sequence[Host],
    step: Step,
    audience: Audience,
) -> Findings:
    """Let the lookups happen, nodes come and go meanwhile, and sample the processes."""
    network = deployed.network
    before = {census.id: census for census in await network.census()}
    assignment = _assignment(step, plan, network)
    roles: dict[str, list[int]] = {Role.HARNESS: [os.getpid(), demand.pid]}
    roles |= {role: [process.pid for process in processes] for role, processes in deployed.processes.items()}
    sampler = Sampler(step, roles, lambda: 0, audience.sampled)
    async with sampler.during(assignment.t0), _changing(network, plan, assignment.t0):
        answers = await demand.ask(assignment, audience.progressed)
        sampler.take()
    await asyncio.sleep(TRAILING_S)
    costs = await network.costs()
    lookups = []
    for answer in answers:
        truth = _truth(network, plan, answer, assignment.t0)
        lookups.append(_record(step, plan, hosts, answer, truth, costs.get(answer.lookup or "", Cost())))
    nodes = [_figures(step, census, before.get(census.id)) for census in await network.census()]
    return Findings(time_of_day(assignment.t0), lookups, nodes, sampler.samples)


def _assignment(step: Step, plan: LookupPlan, network: Network) -> Assignment:
    questions = []
    for number, query in enumerate(plan.queries):
        node, control = network.node(query.place, plan.generation(query.place, query.at_s))
        questions.append(Question(number, query.at_s, control, node, plan.items[query.item].key.hex()))
    t0 = starting_time(NEAR)
    return Assignment(step.contender, step.peers, step.repeat, t0, PATIENCE_S, questions)


@asynccontextmanager
async def _changing(network: Network, plan: LookupPlan, t0: float) -> AsyncIterator[None]:
    """Nodes leave and die as planned as long as this lasts; raises SwarmbenchError when a fleet does not obey."""
    changes = [asyncio.create_task(_churn(network, plan, t0)), asyncio.create_task(_kill(network, plan, t0))]
    try:
        yield
    finally:
        for change in changes:
            change.cancel()
        ends = await asyncio.gather(*changes, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _churn(network: Network, plan: LookupPlan, t0: float) -> None:
    for departure in plan.departures:
        await _until(t0 + departure.at_s)
        await network.replace(departure.place)


async def _kill(network: Network, plan: LookupPlan, t0: float) -> None:
    if plan.kill_at_s is not None:
        await _until(t0 + plan.kill_at_s)
        await network.kill(plan.killed)


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one lookup's item: who had it all along, and all whom it was right to find."""

    replicas: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


def _truth(network: Network, plan: LookupPlan, answer: Answered, t0: float) -> Truth:
    query = plan.queries[answer.number]
    since = t0 + (query.at_s if answer.started_s is None else answer.started_s)
    until = t0 + (query.at_s + PATIENCE_S if answer.done_s is None else answer.done_s)
    return Truth(network.replicas(query.item, since, until), network.owners(query.item, since, until))


def _record(step: Step, plan: LookupPlan, hosts: Sequence[Host], answer: Answered, truth: Truth, cost: Cost) -> Lookup:
    query = plan.queries[answer.number]
    found = frozenset(answer.peers)
    return Lookup(
        contender=step.contender,
        nodes=step.peers,
        repeat=step.repeat,
        node=hosts[query.place].name,
        item=query.item,
        rarity=rarity(len(plan.items[query.item].places), step.peers),
        replicas=len(truth.replicas),
        intended_s=round(query.at_s, 6),
        started_s=answer.started_s,
        first_peer_s=answer.first_peer_s,
        done_s=answer.done_s,
        ok=not found.isdisjoint(truth.owners),
        found=len(found & truth.replicas),
        stale=len(found - truth.owners),
        hops=answer.hops,
        longest=answer.longest,
        messages=cost.messages,
        bytes=cost.bytes,
        error=answer.error,
    )


def _figures(step: Step, now: Census, before: Census | None) -> NodeFigures:
    """What a node has come to since the first lookup, or its birth."""
    since = before or Census.newborn(now.id)
    return NodeFigures(
        contender=step.contender,
        nodes=step.peers,
        repeat=step.repeat,
        node=now.id,
        over_s=round(now.age_s - since.age_s, 3),
        joined=now.joined,
        neighbours=now.neighbours,
        entries=now.entries,
        sent=now.sent - since.sent,
        sent_bytes=now.sent_bytes - since.sent_bytes,
        received=now.received - since.received,
        dropped=now.dropped - since.dropped,
        refused=now.refused - since.refused,
    )


@contextmanager
def _directories(bench: Bench, step: Step, logs: Path) -> Iterator[Path]:
    """Empty directories for a step's sockets and logs; the first is removed afterwards."""
    sockets = bench.room.sockets / step.name
    shutil.rmtree(logs, ignore_errors=True)
    for path in (sockets, logs):
        with writing(path):
            path.mkdir(parents=True)
    try:
        yield sockets
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
