"""The network: hosts and what passes between them, in virtual time and from one seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from harness.labs.simulated.clock import Clock
from harness.labs.simulated.hosts import DATAGRAM_HEADERS, Host, State, address_of
from harness.labs.simulated.links import HEADERS
from harness.labs.simulated.rules import FAIR, PASS, Delay, Rule, Weather
from harness.labs.simulated.streams import Stream
from p2p_node.wire.address import Address

DELAY_S = 50e-6
"""One way between any two hosts of the namespace lab, as half of what a ping takes there (ADR 0006)."""

DIAL_S = 10.0
"""After which a host that does not answer is taken to be gone; what the node's shell waits."""


class Network:
    """Hosts on a clock. `delay_s` is the one-way delay between any two."""

    def __init__(self, seed: int | str = 0, *, delay_s: float = DELAY_S, weather: Weather = FAIR) -> None:
        self.clock = Clock()
        self.rng = Random(f"network/{seed}")
        self.delay_s = delay_s
        self.weather = weather
        self.hosts: dict[str, Host] = {}
        self.rules: list[Rule] = []
        self.held: list[Stream] = []
        """Streams of which rules hold back something."""

    def add_host(self, up: float, down: float) -> Host:
        """A host on the next free address of 10.1.0.0/16; rates are bytes per second on the wire."""
        address = address_of(len(self.hosts) + 1)
        host = self.hosts[address] = Host(self, address, up, down)
        return host

    # Rules

    def add_rule(self, rule: Rule) -> None:
        """Let this rule judge from now on, after those that are there."""
        self.rules.append(rule)

    def end_rule(self, rule: Rule) -> None:
        """Let this rule judge no more; what was held goes on if no other holds it."""
        self.rules.remove(rule)
        held, self.held = self.held, []
        for stream in dict.fromkeys(held):
            stream.retry()

    def judge(self, source: str, to: str) -> float | None:
        """How much later something arrives by the rules, in seconds; None if it does not."""
        for rule in self.rules:
            verdict = rule(source, to)
            if verdict is not PASS:
                return verdict.seconds if isinstance(verdict, Delay) else None
        return 0.0

    # Connections

    def dial(self, host: Host, address: Address, opened: Callable[[Stream], None], failed: Callable[[], None]) -> None:
        """Connect a host to an address (see `Host.dial`)."""
        source: Address = (host.address, host.next_port())
        self.clock.at(self._packet_arrives(host), self._knock, host, source, address, opened, failed)

    def _knock(
        self,
        host: Host,
        source: Address,
        address: Address,
        opened: Callable[[Stream], None],
        failed: Callable[[], None],
    ) -> None:
        target = self.hosts.get(address[0])
        lost = target is not None and (target.state is State.GONE or self._severed(host, target))
        if lost:
            self.clock.at(self.clock.now + DIAL_S, host.do, failed)
            return
        if target is None or address[1] not in target.accepts:
            self.clock.at(self.clock.now + self.delay_s, host.do, failed)
            return
        mine, theirs = Stream(host, address, host.next_number()), Stream(target, source, target.next_number())
        mine.other, theirs.other = theirs, mine
        host.streams[mine.number], target.streams[theirs.number] = mine, theirs
        answered = self._packet_arrives(target)
        self.clock.at(answered, self._answered, mine, opened, failed)
        # What the dialler says at once must not come before the end of the handshake.
        self.clock.at(answered + self.delay_s, target.do, self._accepted, theirs, address[1])

    def _answered(self, mine: Stream, opened: Callable[[Stream], None], failed: Callable[[], None]) -> None:
        mine.host.do(opened if mine.is_open else lambda _: failed(), mine)

    def _accepted(self, theirs: Stream, port: int) -> None:
        accept = theirs.host.accepts.get(port)
        if accept is None:
            theirs.reset()
        elif theirs.is_open:
            accept(theirs)

    def signal(self, source: Host, to: Host, action: Callable[[], None]) -> None:
        """Let something be heard that is a packet without payload, such as a reset; a rule may drop it."""
        if not (self.rules and self._severed(source, to)) and source.state is not State.GONE:
            self.clock.at(self.clock.now + self.delay_s, to.do, action)

    def _severed(self, source: Host, to: Host) -> bool:
        return self.judge(source.address, to.address) is None or self.judge(to.address, source.address) is None

    def _packet_arrives(self, host: Host) -> float:
        sent_s = HEADERS / host.uplink.rate if host.uplink.rate > 0 else DIAL_S
        return self.clock.now + host.uplink.wait_s + sent_s + self.delay_s

    # Datagrams

    def datagram_left(self, host: Host, port: int, to: Address, data: bytes) -> None:
        """A datagram has left its host's uplink."""
        target, weather, rng = self.hosts.get(to[0]), self.weather, self.rng
        if target is None or host.state is State.GONE or (weather.loss and rng.random() < weather.loss):
            return
        more_s = self.judge(host.address, target.address) if self.rules else 0.0
        if more_s is None:
            return
        if weather.corruption and data and rng.random() < weather.corruption:
            at = rng.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        copies = 2 if weather.duplication and rng.random() < weather.duplication else 1
        for _ in range(copies):
            late_s = rng.random() * weather.late_s if weather.lateness and rng.random() < weather.lateness else 0.0
            now = self.clock.now
            reached = target.downlink.receive(now, now, len(data) + DATAGRAM_HEADERS)
            arrives = reached + self.delay_s + more_s + late_s
            self.clock.at(arrives, self._datagram_arrived, target, to[1], (host.address, port), data)

    def _datagram_arrived(self, target: Host, port: int, source: Address, data: bytes) -> None:
        hear = target.hears.get(port)
        if hear is not None:
            target.do(hear, source, data)
