"""A host's discovery: it shares the peer's UDP port and lives as long as the peer does.

What it does is what `p2p_node.shell.discovering` does on real sockets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from harness.labs.simulated.alarms import Alarm
from harness.labs.simulated.hosts import Host
from p2p_node import boundary
from p2p_node.discovery.base import Discovery, Found
from p2p_node.discovery.families import FAMILIES
from p2p_node.wire.address import Address

JOIN_S = 5.0
"""How long lookups wait for the host to become part of its overlay; then they take their chance."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Which family of networks a host takes part in, and the nodes it enters through."""

    family: str
    contacts: Sequence[Address] = ()


class Membership:
    """Performs a node's `Seek`, `Provide` and `Withdraw` effects; `found` is told the peers of lookups."""

    def __init__(
        self, overlay: Overlay, host: Host, port: int, rng: Random, found: Callable[[Sequence[Address]], None]
    ) -> None:
        self._host = host
        self._port = port
        self._clock = host.network.clock
        self._found = found
        self._patience_ends = self._clock.now + JOIN_S
        self._waiting: list[boundary.Seek] = []
        self._alarm = Alarm(host, self._tick)
        self._left = False
        self.discovery: Discovery = FAMILIES[overlay.family]((host.address, port), rng, self._clock.now)
        self.discovery.join(overlay.contacts, self._clock.now)
        self._perform()

    @property
    def joined(self) -> bool:
        """Whether it is part of its overlay."""
        return self.discovery.joined

    def datagram_received(self, source: Address, data: bytes) -> bool:
        """A datagram came; whether it was for the discovery."""
        taken = self.discovery.datagram_received(source, data, self._clock.now)
        if taken:
            self._perform()
        return taken

    def meet(self, contact: Address) -> None:
        """Somebody named a node of the overlay."""
        self.discovery.join([contact], self._clock.now)
        self._perform()

    def seek(self, effect: boundary.Seek) -> None:
        """Look for peers, now or when the overlay is joined."""
        self._waiting.append(effect)
        self._perform()

    def provide(self, effect: boundary.Provide) -> None:
        """Let this peer be found."""
        self.discovery.provide(effect.key, effect.port, self._clock.now)
        self._perform()

    def withdraw(self, effect: boundary.Withdraw) -> None:
        """Let it be found no more."""
        self.discovery.withdraw(effect.key, self._clock.now)
        self._perform()

    def leave(self) -> None:
        """Say goodbye, and do no more."""
        self.discovery.leave(self._clock.now)
        self._send()
        self._left = True

    def _tick(self) -> None:
        if not self._left:
            self.discovery.tick(self._clock.now)
            self._perform()

    def _perform(self) -> None:
        now = self._clock.now
        if self._waiting and (self.discovery.joined or now >= self._patience_ends):
            waiting, self._waiting = self._waiting, []
            for effect in waiting:
                self.discovery.seek(effect.key, now)
        self._send()
        for finding in self.discovery.take_findings():
            if isinstance(finding, Found):
                # Not now: the node may be in the midst of having its effects performed.
                self._clock.soon(self._host.do, self._found, finding.peers)
        self.discovery.take_costs()
        timer = self.discovery.timer
        self._alarm.set(min(self._patience_ends if self._waiting else math.inf, math.inf if timer is None else timer))

    def _send(self) -> None:
        for datagram in self.discovery.take_datagrams():
            self._host.send_datagram(self._port, datagram.address, datagram.data)
