"""HyParView's two views: the active one are the neighbours, each a link that both ends know of; the passive one are
addresses that may become neighbours when one is lost.

The rule: nobody is in both, this node in neither, and each has a fixed number of places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from random import Random

from p2p_node.discovery.gossip.budget import Budget
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.wire.address import Address, parsed

NEIGHBOUR_SHARE = 0.5
"""Of what is spent on others' queries, what one neighbour can have: one that floods leaves as much to the rest."""

WALKS_PER_S = 4.0
MAX_WALKS = 40.0
"""Random walks – of joins and shuffles – that one neighbour may send on, a second and at once. A node shuffles every
few seconds at most; a crowd that joins comes in a burst."""

MAX_OWN = 8
"""Addresses of its own that a node remembers: those of its interfaces, as others may name them."""


@dataclass(slots=True, eq=False)
class Link:
    """A neighbour, and when it and this node last said something."""

    address: Address
    queries: Budget
    walks: Budget
    beat: float
    """The share of a beat after which this end of the link breaks a silence."""
    heard_at: float
    said_at: float
    unanswered_since: float | None = None
    """When something was first said to it that no sign of life has followed."""
    probes: int = 0
    """Pings sent since, because it was silent for too long."""
    probe_at: float = 0.0
    """When the next of them is due."""


class Views:
    """The neighbours by address, oldest first, and who else is known."""

    def __init__(self, own: Address, settings: GossipSettings, rng: Random) -> None:
        self.links: dict[Address, Link] = {}
        self._settings = settings
        self._rng = rng
        self._passive: dict[Address, None] = {}
        self._own: dict[Address, None] = {own: None}

    @property
    def full(self) -> bool:
        """Whether every place in the active view is taken."""
        return len(self.links) >= self._settings.neighbours

    @property
    def passive(self) -> Collection[Address]:
        """The passive view."""
        return self._passive

    def is_own(self, address: Address) -> bool:
        """Whether this node is known to be there."""
        return address in self._own

    def add_own(self, address: Address) -> None:
        """This node turned out to be there."""
        if len(self._own) < MAX_OWN:
            self._own[address] = None
        self._passive.pop(address, None)

    def connect(self, address: Address, now: float) -> Link:
        """Make this a neighbour; there must be a place."""
        assert not self.full
        self._passive.pop(address, None)
        rate, burst = self._settings.relay_rate, self._settings.relay_burst
        link = self.links[address] = Link(
            address=address,
            queries=Budget(NEIGHBOUR_SHARE * rate, NEIGHBOUR_SHARE * burst, now),
            walks=Budget(WALKS_PER_S, MAX_WALKS, now),
            beat=self._rng.uniform(0.75, 1.0),
            heard_at=now,
            said_at=now,
        )
        return link

    def disconnect(self, address: Address, remember: bool) -> None:
        """This is no neighbour any more; `remember` it when it is still part of the overlay."""
        del self.links[address]
        if remember:
            self.learn((address,))

    def learn(self, nodes: Iterable[Address], expendable: Iterable[Address] = ()) -> None:
        """Note these in the passive view; where it is full, `expendable` ones make room first, then any."""
        room_by = [address for address in expendable if address in self._passive]
        for address in nodes:
            if address in self._passive or address in self.links or address in self._own or not is_usable(address):
                continue
            if len(self._passive) >= self._settings.passive:
                del self._passive[room_by.pop() if room_by else self._rng.choice(list(self._passive))]
            self._passive[address] = None

    def forget(self, address: Address) -> None:
        """Nobody is there."""
        self._passive.pop(address, None)

    def any_neighbour(self, but: Address | None = None) -> Link | None:
        """A neighbour at random, other than this one; None when there is none."""
        others = [link for link in self.links.values() if link.address != but]
        return self._rng.choice(others) if others else None

    def newcomer(self) -> Link:
        """One of the younger half of the neighbours, at random: who stands back for somebody in need. However many
        come, half of the neighbours are those that have lasted longest."""
        links = list(self.links.values())
        return self._rng.choice(links[len(links) // 2 :])

    def candidate(self, but: Collection[Address]) -> Address | None:
        """Somebody of the passive view at random, none of these."""
        others = [address for address in self._passive if address not in but]
        return self._rng.choice(others) if others else None

    def sample(self, active: int, passive: int, but: Address | None = None) -> tuple[Address, ...]:
        """Nodes to name to somebody, at most so many of each view."""
        neighbours = [address for address in self.links if address != but]
        known = [address for address in self._passive if address != but]
        return (
            *self._rng.sample(neighbours, min(active, len(neighbours))),
            *self._rng.sample(known, min(passive, len(known))),
        )


def is_usable(address: Address) -> bool:
    """Whether one host can be there."""
    host = parsed(address[0])
    return bool(address[1]) and not (host.is_unspecified or host.is_multicast or address[0] == "255.255.255.255")
