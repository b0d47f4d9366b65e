"""Overlays in virtual time: real `Discovery` nodes exchange datagrams over a network that delays, loses and partitions
them, all from one seed.

Not a model of links: each datagram takes `delay_s`, half of it at random. Every message passes through the wire's
encoding, since datagrams are all that nodes exchange.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from p2p_node.discovery.base import Discovery, Ended, Found, Key, LookupId
from p2p_node.wire.address import Address

PORT = 6881


@dataclass
class Lookup:
    """What one lookup has come to; times are seconds since it began."""

    key: Key
    began: float
    peers: dict[Address, int] = field(default_factory=dict)
    """Each peer found, with the hops it took."""
    first_s: float | None = None
    ended_s: float | None = None
    hops: int = 0


class Host:
    """One node on its address."""

    def __init__(self, overlay: Overlay, address: Address, node: Discovery) -> None:
        self.overlay = overlay
        self.address = address
        self.node = node
        self.alive = True
        self.lookups: dict[LookupId, Lookup] = {}
        self._timer_at = float("inf")

    def join(self, contacts: Iterable[Host]) -> None:
        self.node.join([contact.address for contact in contacts], self.overlay.now)
        self.perform()

    def provide(self, key: Key, port: int = PORT) -> None:
        self.node.provide(key, port, self.overlay.now)
        self.perform()

    def withdraw(self, key: Key) -> None:
        self.node.withdraw(key, self.overlay.now)
        self.perform()

    def seek(self, key: Key) -> Lookup:
        lookup = Lookup(key, self.overlay.now)
        self.lookups[self.node.seek(key, self.overlay.now)] = lookup
        self.perform()
        return lookup

    def leave(self) -> None:
        """With a goodbye, if the family has one."""
        self.node.leave(self.overlay.now)
        self.perform()
        self.alive = False

    def receive(self, source: Address, data: bytes) -> None:
        if self.alive:
            self.node.datagram_received(source, data, self.overlay.now)
            self.perform()

    def perform(self) -> None:
        """Send and hear what the node has to say, and wake it when it wants."""
        for datagram in self.node.take_datagrams():
            self.overlay.send(self.address, datagram.address, datagram.data)
        for finding in self.node.take_findings():
            self._hear(finding)
        timer = self.node.timer
        if timer is not None and timer < self._timer_at:
            self._timer_at = timer
            self.overlay.at(max(timer, self.overlay.now), self._tick)

    def _hear(self, finding: Found | Ended) -> None:
        lookup, since = self.lookups[finding.lookup], self.overlay.now
        match finding:
            case Found(_, peers, hops):
                assert lookup.ended_s is None, "found after the end"
                assert not lookup.peers.keys() & set(peers), "a peer was named twice"
                lookup.peers |= dict.fromkeys(peers, hops)
                lookup.first_s = since - lookup.began if lookup.first_s is None else lookup.first_s
            case Ended(_, hops):
                assert lookup.ended_s is None, "ended twice"
                lookup.ended_s, lookup.hops = since - lookup.began, hops

    def _tick(self) -> None:
        self._timer_at = float("inf")
        if self.alive:
            self.node.tick(self.overlay.now)
            self.perform()


class Overlay:
    """The hosts, the network between them, and the clock."""

    def __init__(self, seed: int = 0, delay_s: float = 0.002, loss: float = 0.0) -> None:
        self.rng = Random(seed)
        self.now = 0.0
        self.delay_s = delay_s
        self.loss = loss
        self.hosts: dict[Address, Host] = {}
        self.sent: Counter[Address] = Counter()
        """Datagrams by who sent them, lost ones too."""
        self.reachable: Callable[[Address, Address], bool] = lambda _source, _to: True
        """Whether a datagram from one address can come to another: a partition, where not."""
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def add(self, make: Callable[[Address, Random, float], Discovery], address: Address | None = None) -> Host:
        """A host on an address of its own, with the node that `make(address, rng, now)` makes; it has yet to join."""
        number = len(self.hosts)
        address = address or (f"10.1.{number >> 8}.{number & 255}", PORT)
        host = self.hosts[address] = Host(self, address, make(address, Random(self.rng.random()), self.now))
        return host

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), action))

    def run(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, until something is done at the latest."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
            if done():
                return
        self.now = until

    def send(self, source: Address, to: Address, data: bytes) -> None:
        """A datagram on its way, from whatever address its sender claims."""
        self.sent[source] += 1
        host = self.hosts.get(to)
        if host is None or self.rng.random() < self.loss or not self.reachable(source, to):
            return
        delay = self.delay_s * (0.5 + self.rng.random())
        self.at(self.now + delay, lambda: host.receive(source, data))

    @property
    def alive(self) -> list[Host]:
        return [host for host in self.hosts.values() if host.alive]

    def kill(self, hosts: Iterable[Host]) -> None:
        """Let these fall silent all at once."""
        for host in hosts:
            host.alive = False

    def costs(self) -> dict[LookupId, int]:
        """Messages sent for each lookup by all nodes together, since this was last asked."""
        total: Counter[LookupId] = Counter()
        for host in self.hosts.values():
            for lookup, cost in host.node.take_costs().items():
                total[lookup] += cost.messages
        return total
