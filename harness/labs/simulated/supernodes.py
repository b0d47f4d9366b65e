"""A supernode on a host: a tracker for its leaves, one of a mesh, as `p2p_node.shell.supernode_server` runs it."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from harness.labs.simulated.alarms import Alarm
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.trackers import TRACKER_PORT
from p2p_node.discovery.supernode.node import Supernode
from p2p_node.wire.address import Address

INTERVAL_S = 30.0


class SupernodeHost:
    """Serves leaves over UDP, together with these other supernodes."""

    def __init__(self, host: Host, rng: Random, others: Iterable[Address]) -> None:
        self.address: Address = (host.address, TRACKER_PORT)
        self._host = host
        self._clock = host.network.clock
        self._node = Supernode(self.address, rng, self._clock.now, INTERVAL_S)
        self._expected = set(others) - {self.address}
        self._alarm = Alarm(host, self._tick)
        host.hears[TRACKER_PORT] = self._hear
        self._node.join(sorted(self._expected), self._clock.now)
        self._perform()

    @property
    def url(self) -> str:
        """Where it is announced to."""
        return f"udp://{self.address[0]}:{self.address[1]}/announce"

    @property
    def met(self) -> bool:
        """Whether all the supernodes that were named, or as many others, are in the mesh."""
        return self._node.census().neighbours >= len(self._expected)

    def _hear(self, source: Address, data: bytes) -> None:
        self._node.datagram_received(source, data, self._clock.now)
        self._perform()

    def _tick(self) -> None:
        self._node.tick(self._clock.now)
        self._perform()

    def _perform(self) -> None:
        for datagram in self._node.take_datagrams():
            self._host.send_datagram(TRACKER_PORT, datagram.address, datagram.data)
        self._node.take_costs()
        timer = self._node.timer
        if timer is not None:
            self._alarm.set(timer)
