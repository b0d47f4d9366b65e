"""The network families as contenders of a scenario of lookups: nodes (p2p_node) that find each other, and no more.

They have the names of the swarms that find their peers by them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.contenders.fleets import MIN_FLEETS
from harness.contenders.network import Network
from harness.contenders.node_control import NodesControl
from harness.contenders.population import Population
from harness.contenders.readiness import until_ready
from harness.contenders.rendezvous import NODE, supernode_count
from harness.errors import UsageError, unknown_name
from harness.labs.base import Host, Lab, Process
from harness.results.roles import Role
from harness.scenarios.model import Scenario

NODES_PER_FLEET = 512
"""Idle nodes cost one event loop next to nothing; more fleets than cores would only take turns."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where an overlay is played: a lab, its hosts, a directory for sockets with a short path, one for logs, a seed."""

    lab: Lab
    hosts: Sequence[Host]
    sockets: Path
    logs: Path
    seed: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """A network in place, and its processes by role, to be metered."""

    network: Network
    processes: Mapping[Role, Sequence[Process]]


class Overlay:
    """One family."""

    def __init__(self, family: str, summary: str, *, hybrid: bool = False) -> None:
        self.name = f"swarm-{family}"
        self.summary = summary
        self.family = family
        self._hybrid = hybrid

    def supernodes(self, nodes: int) -> int:
        """How many of that many nodes are supernodes."""
        return supernode_count(nodes) if self._hybrid else 0

    @asynccontextmanager
    async def deploy_nodes(self, ground: Ground) -> AsyncIterator[Deployed]:
        """A node on every host, all part of one network; raises SwarmbenchError when they do not come together."""
        async with AsyncExitStack() as stack:
            fleets, processes = await self._start_fleets(ground, stack)
            network = Network(fleets, Population(ground.hosts, self.supernodes(len(ground.hosts)), ground.seed))
            await network.form()
            yield Deployed(network, {Role.PEERS: processes})

    async def _start_fleets(self, ground: Ground, stack: AsyncExitStack) -> tuple[list[NodesControl], list[Process]]:
        started: list[tuple[NodesControl, Process, Path]] = []
        for index in range(max(MIN_FLEETS, math.ceil(len(ground.hosts) / NODES_PER_FLEET))):
            log = ground.logs / f"nodes-{index}.log"
            control = await stack.enter_async_context(NodesControl(ground.sockets / f"nodes-{index}.sock"))
            command = [*NODE, "nodes", "--family", self.family, "--control", str(control.socket)]
            process = await ground.lab.start(command, log=log)
            stack.push_async_callback(process.stop)
            started.append((control, process, log))
        for control, process, log in started:
            await until_ready(f"fleet {control.socket.stem}", process, log, control.healthy)
        return [control for control, _, _ in started], [process for _, process, _ in started]


OVERLAYS = (
    Overlay("dht", "structured: every item is indexed by the nodes nearest to its key (Kademlia, BEP 5)"),
    Overlay("gossip", "unstructured: whoever has an item is found by flooding a network of neighbours"),
    Overlay("supernode", "hybrid: √n of the nodes index what the others have, and ask each other", hybrid=True),
)


def choose(scenario: Scenario) -> dict[str, Overlay]:
    """The overlays that a scenario of lookups compares, by name; raises UsageError."""
    by_name = {overlay.name: overlay for overlay in OVERLAYS}
    for name in scenario.contenders:
        if name not in by_name:
            raise unknown_name("network", name, by_name)
        kill = scenario.lookups.kill if scenario.lookups else None
        if kill and kill.supernodes and not by_name[name].supernodes(min(scenario.peers)):
            raise UsageError(f"lookup.kill: {name} has no supernodes; leave it out, or kill a share of all nodes")
    return {name: by_name[name] for name in scenario.contenders}
