"""The story of watching: what can watch here is found, furnished, started, told of, and ended when nobody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.contenders.readiness import last_words, until_done, until_ready
from harness.errors import SwarmbenchError
from harness.labs.processes import Processes, StartedProcess
from harness.observing import servers
from harness.observing.observatory import Observatory
from harness.observing.servers import Program, tie
from harness.observing.ways import GRAFANA_PAGE, Containers, Local, choose_way

GRACE_S = 20.0
"""For a server to put down what it holds in memory; containers have ten seconds of their own within it."""

READY_S = 120.0
"""Grafana lays out its database at the first start, and Prometheus reads what it kept at every one."""

FETCHED_S = 1200.0
"""Docker fetches images the first time."""


@dataclass(frozen=True, slots=True)
class ObserveOrder:
    """What a person asked for: where dashboards and configuration come from, the two ports, and whether in containers
    also where Prometheus is installed."""

    source: Path
    prometheus_port: int
    grafana_port: int
    docker_only: bool


async def observe(order: ObserveOrder, place: Observatory, tell: Callable[[str], None]) -> None:
    """Watch until cancelled; raises SwarmbenchError. Whatever was started here is gone afterwards, and nothing else."""
    way = await choose_way(docker_only=order.docker_only)
    with place.held():
        place.furnish(order.source)
        servers.refuse_taken(order.prometheus_port, "--prometheus-port")
        if isinstance(way, Containers) or way.grafana is not None:
            servers.refuse_taken(order.grafana_port, "--grafana-port")
        if isinstance(way, Containers):
            tell("Docker starts Prometheus and Grafana; the first time it fetches them.")
            program = servers.containers(way.docker, place, order.prometheus_port, order.grafana_port)
            async with _removed(way.docker, place):
                await _watch([program], place, tell, FETCHED_S)
        else:
            await _watch(_programs(way, order, place, tell), place, tell, READY_S)


def _programs(way: Local, order: ObserveOrder, place: Observatory, tell: Callable[[str], None]) -> list[Program]:
    prometheus = servers.prometheus(way.prometheus, place, order.prometheus_port)
    if way.grafana is None:
        tell(
            "Grafana is not here, so there are no dashboards, only Prometheus' own pages; "
            f"get it from {GRAFANA_PAGE} and have grafana or grafana-server on PATH, or take --docker"
        )
        return [prometheus]
    return [prometheus, servers.grafana(way.grafana, place, order.grafana_port, order.prometheus_port)]


async def _watch(programs: Sequence[Program], place: Observatory, tell: Callable[[str], None], ready_s: float) -> None:
    """Run the programs, say where their servers are, and wait for one to end, which is an error."""
    urls = {server.name: server.url for program in programs for server in program.servers}
    async with _running(programs, place, ready_s) as processes:
        with place.announced(urls["Prometheus"], urls.get("Grafana")):
            for name, url in urls.items():
                tell(f"{name}: {url}")
            tell(
                f"Data is kept in {place.root}. Watch a run with: swarmbench run SCENARIO --observe (Ctrl-C ends this)"
            )
            ended = await _first_to_end(programs, processes)
    raise SwarmbenchError(f"observe: {ended.name} ended; {last_words(place.log(ended.name))}")


@asynccontextmanager
async def _running(
    programs: Sequence[Program], place: Observatory, ready_s: float
) -> AsyncIterator[dict[str, StartedProcess]]:
    """Their processes by name, once all servers are ready; afterwards they are asked to end, and then made to."""
    keeper, processes = Processes(), {}
    try:
        for each in programs:
            place.log(each.name).unlink(missing_ok=True)
            processes[each.name] = await keeper.start(
                tie(), each.command, log=place.log(each.name), env=each.environment
            )
        for each in programs:
            for server in each.servers:
                well = partial(asyncio.to_thread, servers.answers, server.health)
                await until_ready(server.name, processes[each.name], place.log(each.name), well, ready_s)
        yield processes
    finally:
        await asyncio.gather(*(process.stop(GRACE_S) for process in processes.values()))


async def _first_to_end(programs: Sequence[Program], processes: dict[str, StartedProcess]) -> Program:
    waits = {asyncio.create_task(processes[each.name].wait()): each for each in programs}
    try:
        ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return waits[ended.pop()]


@asynccontextmanager
async def _removed(docker: str, place: Observatory) -> AsyncIterator[None]:
    """The containers are gone afterwards, also those that never got ready; their data stays."""
    try:
        yield
    finally:
        keeper, log = Processes(), place.log("removal")
        try:
            await until_done(
                "docker compose down", await keeper.start([], servers.removal(docker, place), log=log, env={}), log
            )
        finally:
            await keeper.stop_all()
