"""A node of an overlay on a UDP socket of its own, without a peer beside it: it seeks and is found, no more.

The rule: all that a node costs here is its `Discovery`. Many share one process, so sockets are read in batches without
a transport each, and the clock is read once a batch.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from random import Random

from p2p_node.discovery.base import Census, Cost, Discovery, Ended, Finding, Key, LookupId
from p2p_node.discovery.families import Role, make
from p2p_node.shell.alarm import Alarm
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.address import Address, is_ipv6

BATCH = 64
"""Datagrams taken from one socket before others have their turn."""

MAX_DATAGRAM = 4096
"""No family sends more; what is longer is cut here, and then malformed."""

RECEIVE_BUFFER = 1 << 20
"""Bytes the kernel holds for a node that is not listened to for a moment, if it allows as many: a fleet that is busy
with others for 10 ms must not lose what a burst brings."""


class Search:
    """One lookup under way: its findings, each with the time it came."""

    def __init__(self, node: OverlayNode, lookup: LookupId) -> None:
        self.lookup = lookup
        self._node = node
        self._findings: asyncio.Queue[tuple[float, Finding]] = asyncio.Queue()

    def hear(self, finding: Finding, now: float) -> None:
        """The node found something."""
        self._findings.put_nowait((now, finding))

    async def next(self) -> tuple[float, Finding]:
        """The next finding, and when it came on the monotonic clock; waits for it."""
        return await self._findings.get()

    def abandon(self) -> None:
        """No more is wanted of it; nothing happens when it has ended."""
        self._node.abandon(self)


class OverlayNode:
    """A `Discovery` that is driven by a socket and a clock."""

    def __init__(self, overlay: Overlay, own: Address, role: Role = Role.MEMBER) -> None:
        """Bind to the address and enter the overlay; raises NodeError. Needs a running loop."""
        self._loop = asyncio.get_running_loop()
        now = time.monotonic()
        try:
            self._discovery: Discovery = make(overlay.family, own, Random(os.urandom(16)), now, role)
        except KeyError:
            raise NodeError(f"the family {overlay.family} has no {role}s") from None
        self._socket = _bound(own)
        self._alarm = Alarm(self._tick)
        self._searches: dict[LookupId, Search] = {}
        self._unsent = 0
        self._born = now
        self._loop.add_reader(self._socket, self._readable)
        self._discovery.join(overlay.contacts, now)
        self._perform(now)

    @property
    def joined(self) -> bool:
        """Whether it is part of the overlay."""
        return self._discovery.joined

    @property
    def unsent(self) -> int:
        """Datagrams that the kernel had no room for."""
        return self._unsent

    @property
    def age_s(self) -> float:
        """How long it has lived."""
        return time.monotonic() - self._born

    def census(self) -> Census:
        """Its figures now."""
        return self._discovery.census()

    def take_costs(self) -> dict[LookupId, Cost]:
        """What it sent for each lookup, since this was last taken."""
        return dict(self._discovery.take_costs())

    def provide(self, key: Key, port: int) -> None:
        """Let others find this host for the item, at this port."""
        now = time.monotonic()
        self._discovery.provide(key, port, now)
        self._perform(now)

    def seek(self, key: Key) -> Search:
        """Look for who has the item."""
        now = time.monotonic()
        lookup = self._discovery.seek(key, now)
        search = self._searches[lookup] = Search(self, lookup)
        self._perform(now)
        return search

    def abandon(self, search: Search) -> None:
        """Nothing more is wanted of this search."""
        if self._searches.pop(search.lookup, None) is not None:
            now = time.monotonic()
            self._discovery.abandon(search.lookup, now)
            self._perform(now)

    def close(self, *, abrupt: bool) -> None:
        """Be gone, with or without a goodbye. Searches under way end."""
        now = time.monotonic()
        if not abrupt:
            self._discovery.leave(now)
            self._send()
        self._alarm.stop()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for search in self._searches.values():
            search.hear(Ended(search.lookup, 0), now)
        self._searches.clear()

    def _readable(self) -> None:
        now = time.monotonic()
        for _ in range(BATCH):
            try:
                data, source = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                # What the kernel learnt of an earlier datagram, such as that its port is closed.
                continue
            self._discovery.datagram_received((source[0], source[1]), data, now)
        self._perform(now)

    def _tick(self) -> None:
        now = time.monotonic()
        self._discovery.tick(now)
        self._perform(now)

    def _perform(self, now: float) -> None:
        self._send()
        for finding in self._discovery.take_findings():
            self._hear(finding, now)
        timer = self._discovery.timer
        if timer is not None:
            self._alarm.set(timer)

    def _send(self) -> None:
        for datagram in self._discovery.take_datagrams():
            try:
                self._socket.sendto(datagram.data, datagram.address)
            except OSError:
                self._unsent += 1

    def _hear(self, finding: Finding, now: float) -> None:
        ends = isinstance(finding, Ended)
        search = self._searches.pop(finding.lookup, None) if ends else self._searches.get(finding.lookup)
        if search is not None:
            search.hear(finding, now)


def _bound(own: Address) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if is_ipv6(own[0]) else socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        bound.bind(own)
    except OSError as error:
        bound.close()
        raise describe(error, f"listen on UDP {own[0]}:{own[1]}") from None
    return bound
