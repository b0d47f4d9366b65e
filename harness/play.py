"""One step played: the contender deployed, the demand acted out on it, its processes metered, its files checked."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from harness.bench import Bench
from harness.contenders.base import Contender, Deployment, FetchPoint, Item, Stage
from harness.contenders.item import mismatch
from harness.demand.driver import DemandProcess, demand_process, failed_transfer, starting_time
from harness.demand.messages import Assignment, Ended, Progress, Wish
from harness.demand.plan import arrivals_rng, plan_arrivals
from harness.demand.virtual import VirtualStep
from harness.errors import SwarmbenchError
from harness.metrics.endpoints import Overheard, overhearing
from harness.metrics.sampling import Sampler
from harness.results.files import writing
from harness.results.roles import Role
from harness.results.schema import Sample, Transfer
from harness.results.step import Step
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told how a step goes: each progress of the demand, each round of samples, each transfer as it ends."""

    progressed: Callable[[Progress], None]
    sampled: Callable[[Sequence[Sample]], None]
    ended: Callable[[Transfer], None] = lambda _: None
    overheard: Callable[[Overheard], None] | None = None
    """What processes tell at their own endpoints; None: they are left in peace."""
    by_host: bool = False
    """Whether progress is told by host as well."""


@dataclass(frozen=True, slots=True)
class Played:
    """The records of one step of downloads."""

    began: float
    """The time of day at which its times are 0."""
    transfers: list[Transfer]
    samples: list[Sample] = field(default_factory=list)


async def play(
    bench: Bench, contender: Contender, step: Step, *, deadline_s: float, logs: Path, audience: Audience
) -> Played:
    """Play one step.

    Whatever fails – the deployment, the demand process, a peer – shows as failed transfers with the reason, as many as
    there are peers, and the run goes on. `deadline_s` counts from each transfer's intended start.
    """
    hosts = bench.peers[: step.peers]
    prewritten = bench.scenario.content.prewritten
    arrivals = intended_starts(bench.scenario, step)
    began = time.time()
    with _directories(bench, step, logs) as (scratch, sockets):
        stage = Stage(
            bench.lab,
            bench.server,
            hosts,
            bench.item,
            scratch,
            sockets,
            logs,
            bench.scenario.seed,
            prewritten,
            overheard=audience.overheard is not None,
        )
        try:
            # Locust takes a second to warm up; meanwhile the contender is deployed.
            async with demand_process(logs / "locust.log") as demand, contender.deploy(stage) as deployment:
                await demand.ready()
                assignment = assign(step, deployment.fetch_points, arrivals, deadline_s, by_host=audience.by_host)
                began = time_of_day(assignment.t0)
                async with _overheard(stage, deployment, audience):
                    ended, samples = await _act_out(demand, deployment, assignment, step, audience)
        except (SwarmbenchError, OSError) as error:
            pairs = zip(hosts, arrivals, strict=True)
            return Played(
                began, [failed_transfer(step, host.name, intended_s, str(error)) for host, intended_s in pairs]
            )
        return Played(began, await _checked(ended, bench.item), samples)


async def play_virtually(bench: Bench, step: Step, *, deadline_s: float, audience: Audience) -> Played:
    """Play one step in virtual time; what is listened to meanwhile gets its turns."""
    began = time.time()
    virtual = VirtualStep(bench.scenario, step, intended_starts(bench.scenario, step), deadline_s)
    for progress in virtual.go_on():
        audience.progressed(progress)
        await asyncio.sleep(0)
    transfers = virtual.transfers([host.name for host in bench.peers[: step.peers]])
    audience.sampled(virtual.samples)
    for transfer in transfers:
        audience.ended(transfer)
    return Played(began, transfers, virtual.samples)


def intended_starts(scenario: Scenario, step: Step) -> list[float]:
    """When each peer of a step wants the item."""
    return plan_arrivals(scenario.demand, step.peers, arrivals_rng(scenario.seed, step))


def time_of_day(moment: float) -> float:
    """A moment of the monotonic clock, in seconds since 1970."""
    return time.time() + moment - time.monotonic()


def assign(
    step: Step, points: Sequence[FetchPoint], arrivals: Sequence[float], deadline_s: float, *, by_host: bool = False
) -> Assignment:
    """What the demand process is to do, from a moment on."""
    return Assignment(
        contender=step.contender,
        peers=step.peers,
        repeat=step.repeat,
        t0=starting_time(step.peers),
        deadline_s=deadline_s,
        wishes=[
            Wish(point.host, intended_s, str(point.control), point.peer, dict(point.body), dict(point.spec))
            for point, intended_s in zip(points, arrivals, strict=True)
        ],
        by_host=by_host,
    )


async def _act_out(
    demand: DemandProcess, deployment: Deployment, assignment: Assignment, step: Step, audience: Audience
) -> tuple[list[Ended], list[Sample]]:
    """Let the demand happen, and sample the processes meanwhile."""
    verified = 0

    def progressed(progress: Progress) -> None:
        nonlocal verified
        verified = progress.bytes
        audience.progressed(progress)

    roles = {role: [process.pid for process in processes] for role, processes in deployment.processes.items()}
    sampler = Sampler(step, {**roles, Role.HARNESS: [os.getpid(), demand.pid]}, lambda: verified, audience.sampled)
    async with sampler.during(assignment.t0):
        ended = await demand.act_out(assignment, progressed, audience.ended)
        verified = sum(end.transfer.bytes for end in ended)
        sampler.take()
        await demand.last_words()
    return ended, sampler.samples


def _overheard(stage: Stage, deployment: Deployment, audience: Audience) -> AbstractAsyncContextManager[None]:
    """The endpoints of the step's processes are read meanwhile, if anybody wants to know."""
    if audience.overheard is None:
        return nullcontext()
    fleets = dict.fromkeys(point.control for point in deployment.fetch_points)
    sockets = {Role.SERVER: stage.endpoints(Role.SERVER), Role.PEERS: [*stage.endpoints(Role.PEERS), *fleets]}
    return overhearing(sockets, audience.overheard)


async def _checked(ended: Sequence[Ended], item: Item) -> list[Transfer]:
    """The transfers, after the harness itself has hashed every file that is said to be complete."""
    transfers = []
    for end in ended:
        problem = None
        if end.transfer.ok:
            path = end.path
            problem = (
                await asyncio.to_thread(mismatch, Path(path), item) if path else "it does not say where its file is"
            )
        transfers.append(replace(end.transfer, ok=False, done_s=None, error=problem) if problem else end.transfer)
    return transfers


@contextmanager
def _directories(bench: Bench, step: Step, logs: Path) -> Iterator[tuple[Path, Path]]:
    """Empty directories for a step's downloads, sockets and logs; the first two are removed afterwards.

    Prewritten downloads stay, to be written over in the next step.
    """
    kept = bench.scenario.content.prewritten
    downloads, sockets = bench.room.payload / ("downloads" if kept else step.name), bench.room.sockets / step.name
    shutil.rmtree(logs, ignore_errors=True)
    for path in (downloads, sockets, logs):
        with writing(path):
            path.mkdir(parents=True, exist_ok=kept)
    try:
        yield downloads, sockets
    finally:
        for path in (sockets,) if kept else (downloads, sockets):
            shutil.rmtree(path, ignore_errors=True)
