"""The swarm: a seed (p2p_node) on the origin's host and nodes on the peers' hosts, who meet in one of several ways."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.rendezvous import NODE, Rendezvous, by_supernodes, by_themselves, by_tracker
from harness.contenders.swarms import SEED_PORT, Commands, deployed_swarm
from harness.results.roles import Role


class SwarmContender:
    """Everybody downloads from everybody, starting from one seed; peers are found by a tracker."""

    name = "swarm"
    summary = "a BitTorrent swarm (p2p_node) with one seed and a tracker: peers serve what they already have"
    origin_is_server = False
    rendezvous: Rendezvous = staticmethod(by_tracker)

    def unavailable(self) -> str | None:
        """It is part of this project, so it always runs."""
        return None

    def deploy(self, stage: Stage) -> AbstractAsyncContextManager[Deployment]:
        """Start seed, nodes and what they meet by; raises SwarmbenchError when one does not come up."""
        return deployed_swarm(stage, Commands(seed=self._seed, fleet=self._fleet), self.rendezvous)

    def _seed(self, stage: Stage, torrent: Path) -> list[str]:
        command = [*NODE, "seed", str(torrent), "--data", str(stage.item.path)]
        command += ["--address", stage.server.address, "--port", str(SEED_PORT), *self._first_options()]
        if rate := stage.cap(stage.server.up):
            command += ["--upload-rate", str(int(rate))]
        return [*command, *stage.telling(Role.SERVER, "seed")]

    def _fleet(self, stage: Stage, socket: Path) -> list[str]:
        return [*NODE, "fleet", "--control", str(socket), *self._later_options(stage)]

    def _first_options(self) -> Sequence[str]:
        """How the first node, the seed, is found."""
        return ()

    def _later_options(self, _stage: Stage) -> Sequence[str]:
        """How all others find it."""
        return ()


class SupernodeSwarmContender(SwarmContender):
    """The same swarm without a host of its own for a tracker: some of its peers' hosts do that work for all."""

    name = "swarm-supernode"
    summary = "the swarm, hybrid: peers are found by supernodes, which some of them are and which help each other"
    rendezvous = staticmethod(by_supernodes)


class OverlaySwarmContender(SwarmContender):
    """The same swarm without a tracker: its hosts form a network in which peers are found, entered by the seed."""

    rendezvous = staticmethod(by_themselves)

    def __init__(self, family: str, summary: str) -> None:
        self.name = f"swarm-{family}"
        self.summary = summary
        self._family = family

    def _first_options(self) -> Sequence[str]:
        return ("--discovery", self._family)

    def _later_options(self, stage: Stage) -> Sequence[str]:
        return ("--discovery", self._family, "--contact", f"{stage.server.address}:{SEED_PORT}")
