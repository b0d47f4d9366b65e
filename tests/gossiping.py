"""Gossip overlays in virtual time, a stranger among them that speaks the frames and keeps no rules, and the graph that
the neighbours form, computed independently of how they search it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Census, Cost, Finding, Key, LookupId
from p2p_node.discovery.gossip.node import GossipNode
from p2p_node.discovery.gossip.rounds import chain
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAX_RINGS, Answer, Cookie, Frame, Join, Neighbor, Ping, Pong, Query, decode, encode
from tests.overlay import Host, Lookup, Overlay

Graph = Mapping[Address, Sequence[Address]]

JOINS_PER_S = 200.0
"""How fast hosts join in these tests: the last ones meet an overlay of many, not a crowd at the door."""

CONTACTS = 4


def grow(
    hosts: int,
    seed: int = 1,
    settle_s: float = 5.0,
    loss: float = 0.0,
    settings: GossipSettings | None = None,
) -> Overlay:
    """An overlay of so many hosts, each joined through one of the first few, a few seconds after the last one did."""
    overlay = Overlay(seed, loss=loss)
    for number in range(hosts):
        host = add(overlay, settings)
        first = list(overlay.hosts.values())[: min(number, CONTACTS)]
        contacts = [overlay.rng.choice(first)] if first else []
        overlay.at(number / JOINS_PER_S, lambda host=host, contacts=contacts: host.join(contacts))
    overlay.run(hosts / JOINS_PER_S + settle_s)
    return overlay


def add(overlay: Overlay, settings: GossipSettings | None = None, address: Address | None = None) -> Host:
    """A host that has yet to join."""
    return overlay.add(lambda own, rng, now: GossipNode(own, rng, now, settings), address)


def neighbours(host: Host) -> tuple[Address, ...]:
    """Its active view; a stranger has none."""
    return host.node.neighbours if isinstance(host.node, GossipNode) else ()


def graph(overlay: Overlay) -> Graph:
    """Who would talk to whom, of those alive."""
    return {host.address: neighbours(host) for host in overlay.alive}


def one_sided(links: Graph) -> list[tuple[Address, Address]]:
    """Links that one end does not know of, or whose other end is dead."""
    return [(one, other) for one in links for other in links[one] if one not in links.get(other, ())]


def reached(links: Graph, source: Address, ttl: int) -> dict[Address, int]:
    """The nodes within so many hops, and how many hops it is to each."""
    depth = {source: 0}
    frontier = [source]
    for hops in range(1, ttl + 1):
        frontier = list(
            dict.fromkeys(far for near in frontier for far in links[near] if far in links and far not in depth)
        )
        depth |= dict.fromkeys(frontier, hops)
    return depth


def flooding_messages(links: Graph, source: Address, ttl: int) -> int:
    """Messages of one flooding: its source sends one to each neighbour, and all that have hops left send one to each
    neighbour but the one that they had it from, whether these have it already or not."""
    depth = reached(links, source, ttl - 1)
    return sum(len(links[node]) - (node != source) for node in depth)


def seek(overlay: Overlay, host: Host, key: Key, wait_s: float = 2.0) -> Lookup:
    """A lookup by this host, run to its end."""
    lookup = host.seek(key)
    overlay.run(wait_s, lambda: lookup.ended_s is not None)
    return lookup


def query(secret: bytes, key: Key, ttl: int = 1, hops: int = 0, ring: int = 0) -> Query:
    """Of a lookup that somebody began who knows this secret."""
    lookup, proofs = chain(secret)
    return Query(lookup, key, proofs[min(ring, MAX_RINGS - 1)], ring, ttl, hops)


class Stranger:
    """A node that somebody else made: says what it is told to, and hears everything. It gets in like anybody: it asks
    again with the cookie, and takes whoever wants to be its neighbour. `react` answers what else it hears."""

    timer: float | None = None
    joined = True

    def __init__(self) -> None:
        self.heard: list[tuple[Address, Frame]] = []
        self.react: Callable[[Address, Frame], Iterable[Frame]] = lambda _source, _frame: ()
        self._outgoing: list[SendDatagram] = []

    def say(self, to: Address, *frames: Frame) -> None:
        self._outgoing += [SendDatagram(to, encode(frame)) for frame in frames]

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        frame = decode(data)
        self.heard.append((source, frame))
        match frame:
            case Cookie(cookie):
                self.say(source, Join(cookie))
            case Neighbor(_, cookie):
                self.say(source, Answer(True, cookie) if any(cookie) else Cookie(b"mycookie"))
            case Ping():
                self.say(source, Pong())
        self.say(source, *self.react(source, frame))
        return True

    def frames(self, kind: type) -> list[Frame]:
        return [frame for _, frame in self.heard if isinstance(frame, kind)]

    def join(self, contacts: Iterable[Address], now: float) -> None:
        for contact in contacts:
            self.say(contact, Join())

    def take_datagrams(self) -> list[SendDatagram]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def take_findings(self) -> list[Finding]:
        return []

    def take_costs(self) -> Mapping[LookupId, Cost]:
        return {}

    def tick(self, now: float) -> None: ...

    def provide(self, key: Key, port: int, now: float) -> None: ...

    def withdraw(self, key: Key, now: float) -> None: ...

    def seek(self, key: Key, now: float) -> LookupId:
        raise NotImplementedError

    def abandon(self, lookup: LookupId, now: float) -> None: ...

    def leave(self, now: float) -> None: ...

    def census(self) -> Census:
        return Census(0, 0, 0, 0, 0, 0, 0)


def intrude(overlay: Overlay, victim: Host, address: Address | None = None) -> tuple[Host, Stranger]:
    """A stranger that is a neighbour of this host."""
    stranger = Stranger()
    host = overlay.add(lambda _own, _rng, _now: stranger, address)
    host.join([victim])
    overlay.run(2.0, lambda: host.address in neighbours(victim))
    assert host.address in neighbours(victim)
    return host, stranger


def tell(overlay: Overlay, host: Host, stranger: Stranger, to: Host, *frames: Frame) -> None:
    """Let a stranger say this, and let it have its effect."""
    stranger.say(to.address, *frames)
    host.perform()
    overlay.run(0.2)
