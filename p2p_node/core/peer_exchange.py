"""Peer exchange (BEP 11): peers tell each other whom they are connected to, so that a swarm finds itself without a
tracker.

The first message to a peer goes out as soon as there is something to tell, since a short transfer is over before a
second one is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random

from p2p_node.boundary import ConnectionId
from p2p_node.core.allowance import Allowance
from p2p_node.core.connection import Connection
from p2p_node.wire.address import REMEMBERED, Address, is_ipv6, is_loopback, pack_address, parsed, unpack_address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import Extension
from p2p_node.wire.pex import Compact, Gossip, Trait

INTERVAL_S = 60.0
"""Shortest time between two messages to one peer (BEP 11)."""

GATHER_S = 0.5
"""News waits so long for company; a first message that went out with one address would silence its peer's sender for
INTERVAL_S."""

SPREAD_S, STEPS = 0.25, 5
"""First messages go out up to so much later, in as many steps, one after the other: two peers that are told of each
other at once dial each other at once, and libtorrent then ends both connections."""

ROUND_S = 10.0
"""Further messages, and news of who is gone, may wait so long for each other: each time costs a look at whom every peer
knows. Peers in a slow crowd spent an eighth of their time on it."""

LATER = 1.0
"""Further messages go out up to that share of INTERVAL_S later. A crowd of a thousand that came at once would else
exchange all its news at once, every minute, and be busy with nothing else for ten seconds."""

CROWD = 8
"""Who knows of more peers than this tells each of them further news so many times less often: in a crowd all have
enough to dial, and reading and remembering whom others know was a fifth of what a thousand slow peers did."""

MAX_TOLD = 50
"""Addresses that one message may add, and drop (BEP 11)."""

MAX_TAKEN = 100
"""Addresses taken from one message; libtorrent's first has up to 100."""

PLENTY, FEW = 64, 4
"""Who has heard of so many others in INTERVAL_S reads no more than a few of each further message, from everybody alike,
so that none of them decides whom it knows. In a crowd of 10,000 reading all was four fifths of the work while all told
of their neighbours."""

BURST = 4
"""Messages taken at once and in every INTERVAL_S; clients that dropped and regained a peer may be a little early."""

MAX_REFUSED = 20
"""A peer that goes on and on after BURST is closed."""


_SEED, _REACHABLE = Trait.SEED.value, Trait.REACHABLE.value
"""Plain numbers: arithmetic with flags is slow, and every address told needs it."""


class _Partner:
    """A peer that speaks PEX: what it was told, what it told, and when the next message may go."""

    __slots__ = ("allowance", "heard", "next_at", "told")

    def __init__(self, next_at: float, now: float) -> None:
        self.told: set[Compact] = set()
        self.heard: set[Compact] = set()
        self.next_at = next_at
        self.allowance = Allowance(BURST, INTERVAL_S, now)


class PeerExchange:
    """Gossips with the peers of one torrent. `found` collects addresses that are new here, for whoever dials,
    and whether they are said to be seeds."""

    def __init__(
        self,
        own: Address,
        connections: Mapping[ConnectionId, Connection],
        say: Callable[[Connection, Extension, bytes, float], None],
        rng: Random,
    ) -> None:
        self.found: dict[Address, bool] = {}
        self.timer: float | None = None
        """When `tick` wants to be called; None while there is no news."""
        self._own = own
        self._connections = connections
        self._say = say
        self._rng = rng
        self._partners: dict[ConnectionId, _Partner] = {}
        self._contacts: dict[ConnectionId, Compact] = {}
        self._lately: set[Compact] = set()
        """Heard of since `_forget_at` was set: the same addresses come from everybody, and are read once."""
        self._forget_at = 0.0

    def joined(self, peer: Connection, now: float) -> None:
        """A peer told which extensions it speaks, and perhaps where it listens."""
        if peer.listen_address is not None:
            self._contacts[peer.id] = pack_address(peer.listen_address)
        if Extension.PEX not in peer.numbers:
            self._partners.pop(peer.id, None)
        elif peer.id not in self._partners:
            self._partners[peer.id] = _Partner(now + GATHER_S + peer.id % STEPS * SPREAD_S / STEPS, now)
        self._wake(now + GATHER_S)

    def left(self, peer: Connection, now: float) -> None:
        """A peer is gone."""
        self._partners.pop(peer.id, None)
        if self._contacts.pop(peer.id, None) is not None:
            self._wake(now + ROUND_S)

    def tick(self, now: float) -> None:
        """Tell those peers the news for whom it is time."""
        if self.timer is None or now < self.timer:
            return
        self.timer = None
        present = {compact: number for number, compact in self._contacts.items()}
        for number, partner in self._partners.items():
            if now >= partner.next_at:
                added = present.keys() - partner.told - partner.heard - {self._contacts.get(number)}
                dropped = partner.told - present.keys()
                if not added and not dropped:
                    continue
                self._tell(
                    number, self._some(sorted(added), MAX_TOLD), self._some(sorted(dropped), MAX_TOLD), present, now
                )
            # Whether there is news for it is asked then: a crowd forms in many steps.
            self._wake(max(partner.next_at, now + ROUND_S) if partner.told else partner.next_at)

    def received(self, peer: Connection, payload: bytes, now: float) -> None:
        """A message came. Raises ProtocolError when it is malformed, or the peer sends far too many."""
        partner = self._partners.get(peer.id)
        if partner is None or not partner.allowance.take(now):
            if partner is not None and partner.allowance.refused > MAX_REFUSED:
                raise ProtocolError("floods with peer exchange")
            return
        gossip = Gossip.decode(payload)
        heard = set(list(gossip.added)[:MAX_TAKEN])
        partner.heard = (partner.heard - set(gossip.dropped)) | heard if len(partner.heard) < 1000 else heard
        if now >= self._forget_at:
            self._lately.clear()
            self._forget_at = now + INTERVAL_S
        fresh = [compact for compact in gossip.added if compact in heard and compact not in self._lately]
        if len(self._lately) >= PLENTY:
            fresh = self._few(fresh, gossip)
        self._lately.update(fresh)
        for compact in fresh:
            address = unpack_address(compact)
            if _is_dialable(address, self._own, peer.address):
                self.found[address] = bool(gossip.added[compact] & _SEED)

    def take_found(self) -> dict[Address, bool]:
        """The addresses found since the last call, and whether they are said to be seeds."""
        found, self.found = self.found, {}
        return found

    def _tell(
        self,
        number: ConnectionId,
        added: list[Compact],
        dropped: list[Compact],
        present: Mapping[Compact, ConnectionId],
        now: float,
    ) -> None:
        partner = self._partners[number]
        crowdedness = max(1.0, len(self._contacts) / CROWD)
        partner.next_at = now + INTERVAL_S * crowdedness * (1 + LATER * self._rng.random())
        partner.told.update(added)
        partner.told.difference_update(dropped)
        gossip = Gossip({compact: _traits(self._connections[present[compact]]) for compact in added}, tuple(dropped))
        self._say(self._connections[number], Extension.PEX, gossip.encode(), now)

    def _few(self, fresh: list[Compact], gossip: Gossip) -> list[Compact]:
        """A few of these addresses, and all of them that are said to be seeds."""
        seeds = [compact for compact in fresh if gossip.added[compact] & _SEED]
        others = [compact for compact in fresh if not gossip.added[compact] & _SEED]
        return seeds + self._some(others, FEW)

    def _some(self, compacts: list[Compact], most: int) -> list[Compact]:
        return compacts if len(compacts) <= most else self._rng.sample(compacts, most)

    def _wake(self, when: float) -> None:
        self.timer = when if self.timer is None else min(self.timer, when)


def _traits(peer: Connection) -> int:
    return (_SEED if peer.upload_only else 0) | (_REACHABLE if peer.outgoing else 0)


def _is_dialable(address: Address, own: Address, teller: Address) -> bool:
    """Whether an address that a peer told could be a peer's, seen from here."""
    host, port = address
    if not port or address == own or is_ipv6(host) != is_ipv6(own[0]) or not _is_one_host(host):
        return False
    # Only who is on this machine itself can mean this machine by it.
    return not is_loopback(host) or is_loopback(teller[0])


@lru_cache(REMEMBERED)
def _is_one_host(host: str) -> bool:
    ip = parsed(host)
    return not (ip.is_multicast or ip.is_unspecified or ip.is_link_local or ip.packed == b"\xff" * 4)
