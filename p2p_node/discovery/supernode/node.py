"""A supernode: an index for its leaves and its own host, one of a mesh.

Read `service` for what leaves see, `mesh` for who the others are, `catalogue` and `summary` for what they tell each
other, and `queries` for what they ask.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from p2p_node.discovery.base import Census, Ended, Found, Key, LookupId
from p2p_node.discovery.registry import Registry
from p2p_node.discovery.supernode.catalogue import Catalogue
from p2p_node.discovery.supernode.mate import Mate
from p2p_node.discovery.supernode.mesh import Mesh
from p2p_node.discovery.supernode.participant import Participant
from p2p_node.discovery.supernode.queries import Queries
from p2p_node.discovery.supernode.service import ENOUGH, INTERVAL_S, Reply, Service
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, Event, inquiry
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.supernode import (
    LOOKUP,
    MAX_NODES,
    MAX_PEERS,
    Enquiry,
    Frame,
    Hit,
    News,
    Nodes,
    Ping,
    Pong,
    Query,
    SummaryPart,
    SummaryWanted,
    decode,
    encode,
    is_frame,
)
from p2p_node.wire.udp_tracker import decode_request


class Supernode(Participant):
    """Implements `Discovery`. `own` is the address under which others reach it; plain clients are asked to announce
    every `interval` seconds."""

    def __init__(self, own: Address, rng: Random, now: float, interval: float = INTERVAL_S) -> None:
        super().__init__()
        self.registry = Registry(interval, rng)
        self._own = own
        self._rng = rng
        self._renew_s = interval
        self._peer_id = rng.randbytes(20)
        self._mesh = Mesh(own, self._outbox, rng, now)
        self._catalogue = Catalogue(self.registry, rng, now)
        self._queries = Queries(self._mesh, self._outbox, rng)
        self._service = Service(self.registry, self._catalogue, self._queries, self._outbox, rng, now)
        self._provisions: dict[Key, int] = {}
        self._renew_at = math.inf
        self._of_mates: dict[type, Callable[[Mate, Any, float], bool]] = {
            Nodes: self._on_nodes,
            SummaryWanted: self._on_summary_wanted,
            SummaryPart: lambda mate, part, now: mate.take_part(part),
            News: self._on_news,
            Query: self._on_query,
            Hit: self._queries.hit,
        }

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        return min(self._mesh.timer, self._queries.timer, self._catalogue.timer, self._renew_at)

    @property
    def joined(self) -> bool:
        """Whether it has a mate, or is the first."""
        return self._mesh.joined

    @property
    def mates(self) -> tuple[Address, ...]:
        """The other supernodes of the mesh."""
        return tuple(self._mesh.mates)

    # What the host wants

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter the mesh through these supernodes."""
        self._mesh.join(contacts, now)
        self._go_on(now)

    def provide(self, key: Key, port: int, now: float) -> None:
        """Register this host with itself."""
        self._provisions[key] = port
        self._register(key, Event.STARTED, now)
        self._renew_at = min(self._renew_at, now + self._renew_s)
        self._go_on(now)

    def withdraw(self, key: Key, now: float) -> None:
        """Tell nobody of it any more."""
        if key in self._provisions:
            self._register(key, Event.STOPPED, now)
            del self._provisions[key]

    def seek(self, key: Key, now: float) -> LookupId:
        """Look into the own registry, and ask the others; 0 and 1 hops."""
        lookup = self._rng.randbytes(LOOKUP)
        own = self.registry.announce(inquiry(key, self._peer_id), self._own[0], now).peers
        if own:
            self._findings.append(Found(lookup, own, 0))

        def answer(others: tuple[Address, ...], _then: float) -> None:
            known = {*own, (self._own[0], self._provisions.get(key, 0))}
            if new := tuple(other for other in others if other not in known):
                self._findings.append(Found(lookup, new, 1))
            self._findings.append(Ended(lookup, 1))

        needed = max(ENOUGH - len(own), 1)
        if not self._queries.ask(key, lookup, needed, answer, now):
            self._findings.append(Ended(lookup, 0))
        self._go_on(now)
        return lookup

    def abandon(self, lookup: LookupId, now: float) -> None:
        """Wait for no answers to it."""
        self._queries.abandon(lookup)
        self._findings = [finding for finding in self._findings if finding.lookup != lookup]

    def leave(self, now: float) -> None:
        """There is no goodbye: the others notice, and leaves look for another anyhow."""
        self._provisions.clear()

    # What the network brings

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        """A datagram came; False when it is neither of a supernode nor a question to a tracker."""
        try:
            if is_frame(data):
                self._received += 1
                self._on_frame(source, decode(data), now)
            else:
                decode_request(data)
                self._received += 1
                self._service.datagram(source, data, now)
        except ProtocolError:
            if not is_frame(data):
                return False
            self._refused += 1
        self._go_on(now)
        return True

    def announce(self, announce: Announce, host: str, now: float, reply: Reply) -> None:
        """Take in an announce that came over HTTP."""
        self._service.announce(announce, host, now, reply)
        self._go_on(now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        self._queries.tick(now)
        self._mesh.tick(now)
        if now >= self._renew_at:
            self._renew_at = now + self._renew_s if self._provisions else math.inf
            for key in self._provisions:
                self._register(key, Event.REGULAR, now)
        self._go_on(now)

    def _on_frame(self, source: Address, frame: Frame, now: float) -> None:
        mate = self._mesh.mates.get(source)
        if mate is not None:
            mate.heard(now)
        match frame:
            case Ping():
                self._mesh.ping(source, frame, now)
            case Pong():
                if self._mesh.pong(source, frame, now):
                    self._send_summary(source)
            case Enquiry(connection):
                if not self._service.receives(connection, source, now):
                    raise ProtocolError("enquiry with a connection id that it was not given")
                others = (address for address in self._mesh.mates if address != source)
                self._outbox.send(source, encode(Nodes((self._own, *others)[:MAX_NODES])))
                return
            case SummaryWanted() if mate is None:
                self._mesh.summary_wanted(source, now)
                return
            case _ if mate is None:
                self._mesh.named([source], now)  # it may think that we know each other
                raise ProtocolError("frame of a supernode that is not in the mesh")
            case _:
                if not self._of_mates[type(frame)](mate, frame, now):
                    raise ProtocolError("frame that was not asked for, or that no honest supernode sends")
                return
        mate = self._mesh.mates.get(source)
        if mate is not None and mate.outdated(frame.version, now):
            self._want_summary(mate)

    def _on_nodes(self, _mate: Mate, frame: Nodes, now: float) -> bool:
        self._mesh.named(frame.nodes, now)
        return True

    def _on_summary_wanted(self, mate: Mate, _frame: SummaryWanted, now: float) -> bool:
        if not mate.may_ask(now):
            return False
        self._send_summary(mate.address)
        return True

    def _on_news(self, mate: Mate, news: News, now: float) -> bool:
        taken = mate.take_news(news)
        if taken is None and mate.outdated(news.version, now):
            self._want_summary(mate)
        return taken is not False

    def _on_query(self, mate: Mate, query: Query, now: float) -> bool:
        reply = self.registry.announce(inquiry(query.key, wanted=query.wanted), mate.address[0], now)
        self._outbox.send(mate.address, encode(Hit(query.number, query.lookup, reply.peers[:MAX_PEERS])), query.lookup)
        return True

    def _send_summary(self, to: Address) -> None:
        for part in self._catalogue.parts():
            self._outbox.send(to, encode(part))

    def _want_summary(self, mate: Mate) -> None:
        self._outbox.send(mate.address, encode(SummaryWanted()))

    # What follows

    def _go_on(self, now: float) -> None:
        for frame in self._catalogue.take_frames(now):
            data = encode(frame)
            for address in self._mesh.mates:
                self._outbox.send(address, data)
        self._mesh.version = self._catalogue.version

    def _register(self, key: Key, event: Event, now: float) -> None:
        announce = Announce(key, self._peer_id, self._provisions[key], 0, 0, 0, event, 0)
        self.registry.announce(announce, self._own[0], now)
        if event is not Event.STOPPED:
            self._catalogue.added(key)

    @property
    def asked(self) -> Mapping[str, int]:
        """Questions of leaves that were heard over UDP, by kind."""
        return self._service.asked

    def census(self) -> Census:
        """Its figures now."""
        return self._census(
            neighbours=len(self._mesh.mates),
            entries=len(self._mesh) + self.registry.peer_count + len(self._queries),
            dropped=self._mesh.dropped + self._queries.dropped + self._service.dropped,
        )
