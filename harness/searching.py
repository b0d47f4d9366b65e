"""One step of lookups played: a network formed, its items made known, the plan acted out, and judged by the truth."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from harness.bench import Bench
from harness.contenders.network import Network
from harness.contenders.node_control import Cost
from harness.contenders.overlays import Deployed, Ground, Overlay
from harness.demand.driver import DemandProcess, demand_process, starting_time
from harness.demand.lookups import PATIENCE_S, LookupPlan, lookups_rng, plan_lookups
from harness.demand.messages import Assignment, Question
from harness.errors import SwarmbenchError
from harness.findings import TRAILING_S, Findings, figures, judged, unheard
from harness.labs.base import Host
from harness.metrics.sampling import Sampler
from harness.play import Audience, time_of_day
from harness.results.files import writing
from harness.results.roles import Role
from harness.results.step import Step

NEAR = 64
"""As many users as Locust may have to spawn and connect at once: lookups are spread, so few are near at any time."""


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
            return Findings(time.time(), unheard(step, plan, ground.hosts, str(error)))


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
    lookups = [
        judged(step, plan, hosts, answer, costs.get(answer.lookup or "", Cost()), network.population, assignment.t0)
        for answer in answers
    ]
    nodes = [figures(step, census, before.get(census.id)) for census in await network.census()]
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
