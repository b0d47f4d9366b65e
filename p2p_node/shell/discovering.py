"""A host's discovery on real sockets: it shares the peer's UDP port, and lives as long as the peer does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from p2p_node import boundary
from p2p_node.discovery.base import Discovery, Found
from p2p_node.discovery.families import FAMILIES
from p2p_node.shell.alarm import Alarm
from p2p_node.wire.address import Address

JOIN_S = 5.0
"""How long lookups wait for the host to become part of its overlay; then they take their chance."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Which family of networks a host takes part in, and the nodes it enters through."""

    family: str
    contacts: Sequence[Address] = ()


class Discovering:
    """Performs a node's `Seek`, `Provide` and `Withdraw` effects; `found` is told the peers of lookups."""

    def __init__(
        self,
        overlay: Overlay,
        own: Address,
        send: Callable[[boundary.SendDatagram], None],
        found: Callable[[Sequence[Address]], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._found = found
        self._alarm = Alarm(self._tick)
        self._patience_ends = self._loop.time() + JOIN_S
        self._waiting: list[boundary.Seek] = []
        self._joined = asyncio.Event()
        rng = Random(os.urandom(16))
        self.discovery: Discovery = FAMILIES[overlay.family](own, rng, self._loop.time())
        self.discovery.join(overlay.contacts, self._loop.time())
        self._perform()

    @property
    def performers(self) -> dict[type, Callable[..., None]]:
        """What performs each kind of effect that concerns the discovery."""
        return {boundary.Seek: self._seek, boundary.Provide: self._provide, boundary.Withdraw: self._withdraw}

    async def joined(self) -> None:
        """Wait until the host is part of its overlay, at most JOIN_S."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._joined.wait(), JOIN_S)

    def datagram_received(self, source: Address, data: bytes) -> bool:
        """A datagram came; whether it was for the discovery."""
        taken = self.discovery.datagram_received(source, data, self._loop.time())
        if taken:
            self._perform()
        return taken

    def meet(self, contact: Address) -> None:
        """Somebody named a node of the overlay."""
        self.discovery.join([contact], self._loop.time())
        self._perform()

    def leave(self) -> None:
        """Say goodbye, and do no more."""
        self.discovery.leave(self._loop.time())
        for datagram in self.discovery.take_datagrams():
            self._send(datagram)
        self._alarm.stop()

    def _seek(self, effect: boundary.Seek) -> None:
        self._waiting.append(effect)
        self._perform()

    def _provide(self, effect: boundary.Provide) -> None:
        self.discovery.provide(effect.key, effect.port, self._loop.time())
        self._perform()

    def _withdraw(self, effect: boundary.Withdraw) -> None:
        self.discovery.withdraw(effect.key, self._loop.time())
        self._perform()

    def _tick(self) -> None:
        self.discovery.tick(self._loop.time())
        self._perform()

    def _perform(self) -> None:
        now = self._loop.time()
        if self.discovery.joined:
            self._joined.set()
        if self._waiting and (self.discovery.joined or now >= self._patience_ends):
            waiting, self._waiting = self._waiting, []
            for effect in waiting:
                self.discovery.seek(effect.key, now)
        for datagram in self.discovery.take_datagrams():
            self._send(datagram)
        for finding in self.discovery.take_findings():
            if isinstance(finding, Found):
                # Not now: the node may be in the midst of having its effects performed.
                self._loop.call_soon(self._found, finding.peers)
        self.discovery.take_costs()
        timers = [self._patience_ends] if self._waiting else []
        if self.discovery.timer is not None:
            timers.append(self.discovery.timer)
        if timers:
            self._alarm.set(min(timers))
