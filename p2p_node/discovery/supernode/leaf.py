"""A leaf: it has one supernode, its home, which it tells what it has and asks what it seeks, as a tracker (BEP 15).

The rule: home is whoever answers first of those whose turn it is. As soon as home leaves a request unanswered, the next
are asked beside it; whoever becomes home is told everything anew, and what was sought is sought there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from p2p_node.discovery.base import Census, Ended, Found, Key, LookupId
from p2p_node.discovery.supernode.home import Home
from p2p_node.discovery.supernode.outbox import lookup_id
from p2p_node.discovery.supernode.participant import Participant
from p2p_node.discovery.supernode.registrations import Registrations
from p2p_node.discovery.supernode.requests import Aim, Asked, Requests
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, AnnounceReply, Event, inquiry
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.supernode import Enquiry, Nodes, decode, encode, is_frame
from p2p_node.wire.udp_tracker import Answer, Connected, answered_transaction, decode_answer

REGISTERED_AT_ONCE = 16
"""Registrations that wait for answers at a time."""

GIVE_UP_S = 6.0
"""A lookup ends after this at the latest: time to find another home, and to be heard there."""

MAX_FAREWELLS = 64
"""Registrations that a leaving host withdraws; what is beyond expires."""


@dataclass(slots=True)
class _Seek:
    key: Key
    transaction: int
    ends: float
    asked: bool = False


class SupernodeLeaf(Participant):
    """Implements `Discovery`; `own` is its UDP address."""

    def __init__(self, own: Address, rng: Random, now: float) -> None:
        super().__init__()
        self._own = own
        self._rng = rng
        self._peer_id = rng.randbytes(20)
        self._key = rng.getrandbits(32)
        self._home = Home(own, rng.randbytes(16))
        self._requests = Requests(self._outbox, rng)
        self._registrations = Registrations(rng)
        self._seeks: dict[LookupId, _Seek] = {}

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        times = [self._requests.timer, self._home.timer]
        if self._seeks:
            times.append(next(iter(self._seeks.values())).ends)
        if self.joined and not self._requests.count(Aim.CONNECT) and self._may_register:
            times.append(self._registrations.timer)
        due = min(times)
        return due if due < math.inf else None

    @property
    def joined(self) -> bool:
        """Whether it has a home."""
        return self._home.settled is not None

    @property
    def home(self) -> Address | None:
        """Its supernode, when it has one."""
        return self._home.address

    # What the host wants

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """These are supernodes."""
        self._home.know(contacts, now)
        self._go_on(now)

    def provide(self, key: Key, port: int, now: float) -> None:
        """Register this item, and renew that until it is withdrawn."""
        self._registrations.add(key, port)
        self._go_on(now)

    def withdraw(self, key: Key, now: float) -> None:
        """Let home forget this item."""
        self._say_goodbye([key], now)
        self._registrations.remove(key)

    def seek(self, key: Key, now: float) -> LookupId:
        """Ask home, as soon as there is one."""
        transaction = self._rng.getrandbits(32)
        lookup = lookup_id(self._peer_id, transaction)
        self._seeks[lookup] = _Seek(key, transaction, now + GIVE_UP_S)
        self._go_on(now)
        return lookup

    def abandon(self, lookup: LookupId, now: float) -> None:
        """No answer is needed."""
        self._seeks.pop(lookup, None)

    def leave(self, now: float) -> None:
        """Let home forget this host."""
        self._say_goodbye(self._registrations.known[:MAX_FAREWELLS], now)

    # What the network brings

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        """A datagram came; False when it is no answer to what was asked here."""
        if is_frame(data):
            self._received += 1
            self._on_frame(source, data, now)
            self._go_on(now)
            return True
        asked = self._requests.close(answered_transaction(data), source, len(data))
        if asked is None:
            return False
        self._received += 1
        try:
            self._on_answer(asked, decode_answer(data, ":" in source[0]), now)
        except ProtocolError:
            self._refused += 1
            self._home.failed(source, now)
            self._take_back(asked)
            if source == self.home:
                self._lose_home(now)
                self._registrations.forgotten()  # it may have begun anew, and know nothing
        self._go_on(now)
        return True

    def tick(self, now: float) -> None:
        """The timer came due."""
        for asked in self._requests.take_late(now):
            self._on_silence(asked, now)
        self._home.tick(now)
        for lookup in [lookup for lookup, seek in self._seeks.items() if now >= seek.ends]:
            del self._seeks[lookup]
            self._findings.append(Ended(lookup, 0))
        self._go_on(now)

    def _on_frame(self, source: Address, data: bytes, now: float) -> None:
        try:
            frame = decode(data)
        except ProtocolError:
            frame = None
        if not isinstance(frame, Nodes) or not self._home.told(source, frame.nodes, now):
            self._refused += 1

    def _on_answer(self, asked: Asked, answer: Answer, now: float) -> None:
        match asked.aim, answer:
            case Aim.CONNECT, Connected(connection):
                self._connected(asked.to, connection, now)
            case Aim.REGISTER, AnnounceReply(interval):
                self._registrations.acknowledged(asked.key, interval, now)
            case Aim.SEEK, AnnounceReply():
                self._found(asked, answer)
            case _:
                raise ProtocolError("a supernode refused, or answered another question")

    def _found(self, asked: Asked, reply: AnnounceReply) -> None:
        if asked.lookup is None or self._seeks.pop(asked.lookup, None) is None:
            return
        # What a supernode counts are its own leaves, and it names them first: see `service`.
        counted = max(reply.seeds + reply.leeches - self._registrations.knows(asked.key), 0)
        own = self._own[0], self._registrations.port(asked.key)
        near, far = ([peer for peer in part if peer != own] for part in (reply.peers[:counted], reply.peers[counted:]))
        if near:
            self._findings.append(Found(asked.lookup, tuple(dict.fromkeys(near)), 1))
        if far := [peer for peer in dict.fromkeys(far) if peer not in near]:
            self._findings.append(Found(asked.lookup, tuple(far), 2))
        self._findings.append(Ended(asked.lookup, 2 if far else 1))

    def _connected(self, to: Address, connection: int, now: float) -> None:
        if self._home.answered(to, connection, now):
            self._outbox.send(to, encode(Enquiry(connection)))
            self._registrations.move(to)

    def _on_silence(self, asked: Asked, now: float) -> None:
        self._take_back(asked)
        if asked.aim is Aim.CONNECT:
            self._home.failed(asked.to, now)
        if asked.to == self.home:
            self._lose_home(now)

    def _lose_home(self, now: float) -> None:
        self._home.lost(now)
        for asked in self._requests.take_all():
            self._take_back(asked)

    def _take_back(self, asked: Asked) -> None:
        """It was asked in vain: ask again."""
        if asked.aim is Aim.REGISTER:
            self._registrations.missed(asked.key)
        elif asked.aim is Aim.SEEK and asked.lookup in self._seeks:
            self._seeks[asked.lookup].asked = False

    # What follows

    def _go_on(self, now: float) -> None:
        """Do all that there is reason for by now."""
        for supernode in self._home.look(now):
            self._requests.connect(supernode, next(iter(self._seeks), None), now)
        home = self._home.settled
        if home is None:
            return
        unasked = [lookup for lookup, seek in self._seeks.items() if not seek.asked]
        if not self._home.connects(now):
            if (unasked or now >= self._registrations.timer) and not self._requests.count(Aim.CONNECT):
                self._requests.connect(home, next(iter(unasked), None), now)
            return
        for lookup in unasked:
            seek = self._seeks[lookup]
            seek.asked = True
            question = inquiry(seek.key, self._peer_id)
            self._requests.seek(home, self._home.connection, seek.transaction, lookup, question, now)
        while self._may_register and (key := self._registrations.take_due(now)) is not None:
            self._requests.register(home, self._home.connection, self._announce(key, Event.REGULAR), now)

    @property
    def _may_register(self) -> bool:
        return self._requests.count(Aim.REGISTER) < REGISTERED_AT_ONCE

    def _announce(self, key: Key, event: Event) -> Announce:
        return Announce(key, self._peer_id, self._registrations.port(key), 0, 0, 0, event, 0, self._key)

    def _say_goodbye(self, keys: Iterable[Key], now: float) -> None:
        for key in keys:
            if self.home is not None and self._home.connects(now) and self._registrations.knows(key):
                self._requests.farewell(self.home, self._home.connection, self._announce(key, Event.STOPPED))

    def census(self) -> Census:
        """Its figures now."""
        entries = len(self._home) + len(self._registrations) + len(self._requests) + len(self._seeks)
        return self._census(int(self.home is not None), entries)
