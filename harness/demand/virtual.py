"""The same plan acted out in virtual time: one step in the simulated lab, from the intended starts to the transfers.

The rule: what comes of a step depends on the scenario and the step alone, to the last bit.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.contenders import overlays
from harness.contenders import simulated as contenders
from harness.contenders.simulated import Fetch, Setting
from harness.demand.messages import Progress
from harness.demand.plan import given_up
from harness.errors import UsageError
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.network import DELAY_S, Network
from harness.labs.simulated.rules import Weather
from harness.results.roles import Role
from harness.results.schema import Sample, Sources, Transfer
from harness.results.step import Step
from harness.scenarios.model import Content, Scenario
from harness.scenarios.units import format_size

LOOK_S = 0.25
"""Virtual seconds between two looks at who has ended."""
UNLIMITED = 1.25e9
"""Bytes per second of a link without limits, which only lookups may have: they never fill it."""
SAMPLE_LOOKS = 4
"""Looks from one sample to the next."""
BREATH_S = 0.2
"""Seconds of real time after which progress is told, and whoever waits is let in."""


def check(scenario: Scenario) -> None:
    """Raise UsageError where the simulated lab cannot play this scenario."""
    if scenario.lookups is not None:
        overlays.choose(scenario)
        return
    contenders.check(scenario.contenders)
    if scenario.links.unlimited:
        raise UsageError("links: are unlimited, and what a transfer takes without is not simulated; use --lab loopback")


def model(scenario: Scenario) -> str | None:
    """What is coarser here than in the world, if anything is."""
    parts = []
    if scenario.lookups is None:
        parts += [
            f"with {peers} peers a byte of a swarm's block stands for {coarse}{_pieces(scenario.content, peers)}"
            for peers in scenario.peers
            if (coarse := contenders.grain(peers)) > 1
        ]
    elif scenario.links.unlimited:
        parts.append("links without limits carry 10 Gbit/s")
    if scenario.links.loss:
        parts.append("only datagrams are lost")
    return "; ".join(parts) or None


def _pieces(content: Content, peers: int) -> str:
    """How long pieces are, where neither the scenario says nor the node."""
    length = contenders.piece_size(content, peers)
    return "" if length == content.piece_size else f", and its pieces have {format_size(length)}"


class VirtualStep:
    """One step. `go_on` until it is through; times are seconds since its start, sizes bytes of the item."""

    def __init__(self, scenario: Scenario, step: Step, arrivals: Sequence[float], deadline_s: float) -> None:
        self._scenario = scenario
        self._step = step
        self._arrivals = arrivals
        self._deadline_s = deadline_s
        self._network, (server, *hosts) = network_of(scenario, step)
        network, links, content = self._network, scenario.links, scenario.content
        grain, seed = contenders.grain(step.peers), seed_of(scenario, step)
        piece_size = contenders.piece_size(content, step.peers)
        setting = Setting(network, server, hosts, content.size, piece_size, grain, seed)
        self._played = contenders.CONTENDERS[step.contender](setting)
        self._fetches = self._played.fetches
        self._idle = not links.server.up or not any(host.uplink.rate for host in hosts)
        self._t0 = network.clock.now
        self._begun = 0
        self._verdict: str | None = None
        self.samples: list[Sample] = []
        for fetch, intended_s in zip(self._fetches, arrivals, strict=True):
            network.clock.at(self._t0 + intended_s, self._begin, fetch)
        if leaves := scenario.demand.origin_leaves:
            network.clock.at(self._t0 + leaves, self._played.origin_leaves)

    def go_on(self) -> Iterator[Progress]:
        """Let time pass until every transfer has ended, and tell every now and then how far it is."""
        if self._idle:
            self._verdict = "no full copy can exist after t = 0 s: there are uplinks that carry nothing"
            return
        clock, looks, breath_at = self._network.clock, 0, time.monotonic() + BREATH_S
        with without_collections():
            while self._under_way():
                looks += 1
                clock.run(self._t0 + looks * LOOK_S)
                if looks % SAMPLE_LOOKS == 0:
                    self._sample()
                    self._judge()
                if time.monotonic() >= breath_at:
                    yield self._progress()
                    breath_at = time.monotonic() + BREATH_S
        self._sample()

    def transfers(self, names: Sequence[str]) -> list[Transfer]:
        """What came of each wish, by the names of the hosts."""
        pairs = zip(names, self._arrivals, self._fetches, strict=True)
        return [self._transfer(name, intended_s, fetch) for name, intended_s, fetch in pairs]

    def _begin(self, fetch: Fetch) -> None:
        self._begun += 1
        fetch.begin()

    def _under_way(self) -> bool:
        now = self._network.clock.now - self._t0
        return self._verdict is None and any(
            fetch.completed_at is None and fetch.failed is None and now < intended_s + self._deadline_s
            for fetch, intended_s in zip(self._fetches, self._arrivals, strict=True)
        )

    def _judge(self) -> None:
        leaves = self._scenario.demand.origin_leaves
        if leaves and self._network.clock.now - self._t0 > leaves and (lack := self._played.hopeless()):
            self._verdict = f"no full copy can exist after t = {leaves:g} s, when the origin left: {lack}"

    def _progress(self) -> Progress:
        ended = sum(fetch.completed_at is not None or fetch.failed is not None for fetch in self._fetches)
        return Progress(self._verified(), ended, self._begun)

    def _verified(self) -> int:
        return sum(fetch.verified for fetch in self._fetches)

    def _sample(self) -> None:
        step, at_s = self._step, self._network.clock.now - self._t0
        self.samples.append(
            Sample(step.contender, step.peers, step.repeat, at_s, Role.PEERS, 0.0, 0, bytes=self._verified())
        )

    def _transfer(self, name: str, intended_s: float, fetch: Fetch) -> Transfer:
        done_s = self._since(fetch.completed_at)
        late = done_s is not None and done_s > intended_s + self._deadline_s
        ok = done_s is not None and not late
        size = self._scenario.content.size
        verified = size if ok else min(fetch.verified, size)
        origin = min(fetch.sources.origin, verified)
        return Transfer(
            contender=self._step.contender,
            peers=self._step.peers,
            repeat=self._step.repeat,
            host=name,
            intended_s=intended_s,
            started_s=intended_s if not self._idle else None,
            first_byte_s=self._since(fetch.first_byte_at),
            done_s=done_s if ok else None,
            bytes=verified,
            ok=ok,
            error=None if ok else fetch.failed or self._verdict or given_up(self._deadline_s),
            sources=Sources(origin=origin, peers=verified - origin),
            wasted_bytes=fetch.wasted,
            first_peer_s=self._since(fetch.first_peer_at),
        )

    def _since(self, at: float | None) -> float | None:
        return None if at is None else at - self._t0


def seed_of(scenario: Scenario, step: Step) -> str:
    """From which all of a step's randomness comes."""
    return f"{scenario.seed}/{step.name}"


def network_of(scenario: Scenario, step: Step) -> tuple[Network, list[Host]]:
    """A step's network, and its hosts: the server's, and those of the peers."""
    links = scenario.links
    weather = Weather(loss=links.loss)
    network = Network(seed_of(scenario, step), delay_s=DELAY_S + links.delay, weather=weather)
    rates = [links.server, *links.of_peers(step.peers)]
    return network, [network.add_host(min(link.up, UNLIMITED), min(link.down, UNLIMITED)) for link in rates]


@contextmanager
def without_collections() -> Iterator[None]:
    """A million objects that stay are not looked through for cycles over and over."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
