"""A node of an overlay on a host, without a peer beside it: it seeks and is found, no more.

What it does is what `p2p_node.shell.overlay` does on real sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from harness.labs.simulated.alarms import Alarm
from harness.labs.simulated.hosts import Host
from p2p_node.discovery.base import Census, Cost, Ended, Finding, Key, LookupId
from p2p_node.discovery.families import Role, make
from p2p_node.wire.address import Address


class Search:
    """One lookup, and what came of it so far. Times are virtual seconds."""

    def __init__(self, lookup: LookupId, started_at: float) -> None:
        self.lookup = lookup
        """What the network calls it."""
        self.started_at = started_at
        self.first_peer_at: float | None = None
        self.hops: int | None = None
        """To the node that told of the first peer."""
        self.peers: list[Address] = []
        self.ended_at: float | None = None
        self.longest: int | None = None

    def hear(self, finding: Finding, now: float) -> None:
        """The network told something."""
        if isinstance(finding, Ended):
            self.ended_at, self.longest = now, finding.hops
            return
        if self.first_peer_at is None:
            self.first_peer_at, self.hops = now, finding.hops
        self.peers += finding.peers


class OverlayNode:
    """A `Discovery` that is driven by a host's clock, and listens on one of its UDP ports."""

    def __init__(
        self, host: Host, port: int, family: str, rng: Random, contacts: Iterable[Address], *, supernode: bool = False
    ) -> None:
        self._host = host
        self._port = port
        self._clock = host.network.clock
        self._searches: dict[LookupId, Search] = {}
        self._alarm = Alarm(host, self._tick)
        self._is_dead = False
        self._born = self._clock.now
        role = Role.SUPERNODE if supernode else Role.MEMBER
        self._discovery = make(family, (host.address, port), rng, self._born, role)
        host.hears[port] = self._hear
        self._discovery.join(contacts, self._born)
        self._perform()

    @property
    def joined(self) -> bool:
        """Whether it is part of the overlay."""
        return self._discovery.joined

    @property
    def age_s(self) -> float:
        """How long it has lived."""
        return self._clock.now - self._born

    def census(self) -> Census:
        """Its figures now."""
        return self._discovery.census()

    def take_costs(self) -> dict[LookupId, Cost]:
        """What it sent for each lookup, since this was last taken."""
        return dict(self._discovery.take_costs())

    def provide(self, key: Key, port: int) -> None:
        """Let others find this host for the item, at this port."""
        self._discovery.provide(key, port, self._clock.now)
        self._perform()

    def seek(self, key: Key) -> Search:
        """Look for who has the item."""
        now = self._clock.now
        search = Search(self._discovery.seek(key, now), now)
        self._searches[search.lookup] = search
        self._perform()
        return search

    def abandon(self, search: Search) -> None:
        """No more is wanted of this search."""
        if self._searches.pop(search.lookup, None) is not None:
            self._discovery.abandon(search.lookup, self._clock.now)
            self._perform()

    def die(self) -> None:
        """Be gone, without a goodbye. Searches under way end."""
        self._is_dead = True
        self._host.hears.pop(self._port, None)
        for lookup, search in self._searches.items():
            search.hear(Ended(lookup, 0), self._clock.now)
        self._searches.clear()

    def _hear(self, source: Address, data: bytes) -> None:
        self._discovery.datagram_received(source, data, self._clock.now)
        self._perform()

    def _tick(self) -> None:
        if not self._is_dead:
            self._discovery.tick(self._clock.now)
            self._perform()

    def _perform(self) -> None:
        for datagram in self._discovery.take_datagrams():
            self._host.send_datagram(self._port, datagram.address, datagram.data)
        for finding in self._discovery.take_findings():
            ends = isinstance(finding, Ended)
            search = self._searches.pop(finding.lookup, None) if ends else self._searches.get(finding.lookup)
            if search is not None:
                search.hear(finding, self._clock.now)
        timer = self._discovery.timer
        if timer is not None:
            self._alarm.set(timer)
