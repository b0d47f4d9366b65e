"""A supernode over HTTP and UDP on one port: the tracker's server, with `discovery.supernode` behind it.

The rule: to leaves it is a tracker, whose answers may take a moment longer. The other supernodes reach it on the same
UDP port.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from functools import partial
from random import Random
from time import monotonic

from prometheus_client import Gauge

from p2p_node.discovery.supernode.node import Supernode
from p2p_node.shell.alarm import Alarm
from p2p_node.shell.tracker_server import TrackerServer
from p2p_node.wire.address import Address, canonical_host
from p2p_node.wire.announce import Announce, AnnounceReply

FIGURES = {
    "neighbours": "Other supernodes in the mesh.",
    "dropped": "Messages there was no time or room for.",
    "refused": "Messages that were malformed, forged or not asked for.",
}
"""Of the node's census, what its metrics tell."""


class SupernodeServer(TrackerServer):
    """Serves leaves at `own`, together with these other supernodes; leaves that are plain clients announce every
    `interval` seconds."""

    def __init__(self, interval: float, own: Address, peers: Iterable[Address]) -> None:
        self._node = Supernode(own, Random(os.urandom(16)), monotonic(), interval)
        super().__init__(interval, self._node.registry)
        self._alarm = Alarm(self._tick)
        self._met = asyncio.Event()
        self._expected = set(peers) - {own}
        self._node.join(self._expected, monotonic())
        for figure, meaning in FIGURES.items():
            gauge = Gauge(f"supernode_{figure}", meaning, registry=self._metrics)
            gauge.set_function(partial(self._figure, figure))

    async def listen(self, host: str, port: int) -> Address:
        """As for a tracker; and greet the other supernodes."""
        bound = await super().listen(host, port)
        self._perform()
        return bound

    @property
    def asked_over_udp(self) -> Mapping[str, int]:
        """As for a tracker; what the other supernodes ask is no such question."""
        return self._node.asked

    async def met(self) -> None:
        """Wait until all the supernodes that were named, or as many others, are in the mesh."""
        await self._met.wait()

    async def close(self) -> None:
        """Serve no more."""
        self._alarm.stop()
        await super().close()

    def datagram(self, data: bytes, host: str, port: int) -> bytes | None:
        """Take in a datagram; what there is to answer is sent from here, now or later."""
        taken = self._node.datagram_received((canonical_host(host), port), data, monotonic())
        self._requests.labels("udp", "answered" if taken else "ignored").inc()
        self._perform()
        return None

    async def announced(self, announce: Announce, host: str) -> AnnounceReply:
        """The answer to an announce over HTTP, once other supernodes have said what they know."""
        answered: asyncio.Future[AnnounceReply] = asyncio.get_running_loop().create_future()

        def reply(answer: AnnounceReply, _now: float) -> None:
            if not answered.done():  # as it is when the client has gone
                answered.set_result(answer)

        self._node.announce(announce, host, monotonic(), reply)
        self._perform()
        return await answered

    def _figure(self, name: str) -> float:
        return float(getattr(self._node.census(), name))

    def _tick(self) -> None:
        self._node.tick(monotonic())
        self._perform()

    def _perform(self) -> None:
        for datagram in self._node.take_datagrams():
            self.send(datagram.data, datagram.address)
        self._node.take_costs()
        if not self._met.is_set() and self._node.census().neighbours >= len(self._expected):
            self._met.set()
        if self._node.timer is not None:
            self._alarm.set(self._node.timer)
