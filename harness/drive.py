"""A contender driven by hand: it is deployed, and a person starts and stops its peers in Locust's web UI."""

from __future__ import annotations

import socket
from collections.abc import Callable

from msgspec.structs import replace

from harness.bench import set_up
from harness.contenders import catalogue as contenders
from harness.contenders.base import Stage
from harness.demand.driver import demand_process
from harness.errors import SwarmbenchError, UsageError
from harness.labs import catalogue as labs
from harness.play import assign
from harness.results.step import Step
from harness.scenarios.model import Scenario

ADDRESS = "127.0.0.1"

PREFERRED_PORT = 8089
"""Where people expect Locust; when it is taken, the kernel chooses another."""

DEADLINE_S = 3600.0


async def drive(scenario: Scenario, lab: str, announce: Callable[[str, Step], None]) -> None:
    """Deploy the first contender with the most peers and serve Locust's web UI until cancelled; raises SwarmbenchError.

    `announce` is told the address of the UI and what it drives. Nothing is recorded: Locust shows what happens.
    """
    if scenario.lookups is not None:
        raise UsageError(f"{scenario.name}: --locust-ui drives downloads; run this scenario without it")
    [contender, *_] = contenders.choose(scenario.contenders, scenario.own)
    step = Step(contender.name, max(scenario.peers), 0)
    async with set_up(scenario, labs.choose(lab, unlimited=scenario.links.unlimited)) as bench:
        downloads, sockets, logs = (
            bench.room.payload / "hand",
            bench.room.sockets / "hand",
            bench.room.sockets / "logs",
        )
        for directory in (downloads, sockets, logs):
            directory.mkdir()
        peers = bench.peers[: step.peers]
        stage = Stage(
            bench.lab,
            bench.server,
            peers,
            bench.item,
            downloads,
            sockets,
            logs,
            scenario.seed,
            scenario.content.prewritten,
        )
        async with demand_process(stage.logs / "locust.log") as demand, contender.deploy(stage) as deployment:
            await demand.ready()
            port = _free_port()
            assignment = assign(step, deployment.fetch_points, [0.0] * step.peers, DEADLINE_S)
            await demand.send(replace(assignment, ui_port=port))
            await demand.ready()
            announce(f"http://{ADDRESS}:{port}", step)
            code = await demand.wait()
            raise SwarmbenchError(f"the demand process (Locust) ended with exit code {code}")


def _free_port() -> int:
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((ADDRESS, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise SwarmbenchError(f"no port is free on {ADDRESS}")
