"""A leaf: it has one supernode, its home, which it tells what it has and asks what it seeks, as a tracker (BEP 15).

The rule: home is whoever answers first of those whose turn it is. As soon as home leaves a request unanswered, the next
are asked beside it; whoever becomes home is told everything anew, and what was sought is sought there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Census, Cost, Ended, Finding, Found, Key, LookupId
from p2p_node.discovery.supernode.outbox import Outbox, lookup_id
from p2p_node.discovery.supernode.registrations import Registrations
from p2p_node.discovery.supernode.requests import Aim, Asked, Requests
from p2p_node.discovery.supernode.roster import Roster
from p2p_node.discovery.udp_client import CONNECTION_S
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, AnnounceReply, Event, inquiry
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.supernode import Enquiry, Nodes, decode, encode, is_frame
from p2p_node.wire.udp_tracker import Answer, Connected, answered_transaction, decode_answer

WAVE = 3
"""Supernodes asked at a time when home is silent: were half of them dead, one of three is alive seven times in
eight."""

WAVE_S = 0.5
"""The soonest that others are asked after the ones before."""

MAX_WAIT_S = 8.0
"""When nobody answers, the wait before all are asked again doubles up to this."""

ENQUIRY_S = 0.5
"""How long a newcomer waits to hear which other supernodes there are, one of which may suit it better."""

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


class SupernodeLeaf:
    """Implements `Discovery`; `own` is its UDP address."""

    def __init__(self, own: Address, rng: Random, now: float) -> None:
        self._own = own
        self._rng = rng
        self._peer_id = rng.randbytes(20)
        self._key = rng.getrandbits(32)
        self._outbox = Outbox()
        self._requests = Requests(self._outbox, rng)
        self._registrations = Registrations(rng)
        self._roster = Roster(own, rng.randbytes(16))
        self._home: Address | None = None
        self._last_home: Address | None = None
        """Who knows what is registered; None when nobody does."""
        self._connection = 0
        self._connection_ends = now
        self._settled = False
        """Whether it was heard, or waited for, which supernodes there are."""
        self._enquiry_ends = math.inf
        self._tried: set[Address] = set()
        self._width = 1
        self._looked_at = -math.inf
        self._look_at = math.inf
        self._wait_s = WAVE_S
        self._seeks: dict[LookupId, _Seek] = {}
        self._findings: list[Finding] = []
        self._received = self._refused = 0

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        times = [self._requests.timer, self._look_at, self._enquiry_ends]
        if self._seeks:
            times.append(next(iter(self._seeks.values())).ends)
        if self._at_home and not self._requests.count(Aim.CONNECT) and self._may_register:
            times.append(self._registrations.timer)
        due = min(times)
        return due if due < math.inf else None

    @property
    def joined(self) -> bool:
        """Whether it has a home."""
        return self._at_home

    @property
    def home(self) -> Address | None:
        """Its supernode, when it has one."""
        return self._home

    # What the host wants

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """These are supernodes."""
        if self._roster.add(contacts) and self._home is None:
            self._look_at = now
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
            self._roster.failed(source, now)
            self._take_back(asked)
            if source == self._home:
                self._lose_home(now)
                self._last_home = None  # it may have begun anew, and know nothing
        self._go_on(now)
        return True

    def tick(self, now: float) -> None:
        """The timer came due."""
        for asked in self._requests.take_late(now):
            self._on_silence(asked, now)
        if now >= self._enquiry_ends:
            self._settle()
        for lookup in [lookup for lookup, seek in self._seeks.items() if now >= seek.ends]:
            del self._seeks[lookup]
            self._findings.append(Ended(lookup, 0))
        self._go_on(now)

    def _on_frame(self, source: Address, data: bytes, now: float) -> None:
        try:
            frame = decode(data)
        except ProtocolError:
            frame = None
        if not isinstance(frame, Nodes) or source != self._home or self._enquiry_ends == math.inf:
            self._refused += 1
            return
        self._roster.add(frame.nodes)
        if not self._settled and self._roster.favourite != self._home:
            self._home, self._look_at, self._last_home = None, now, None
        self._settle()

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

    # Where home is

    @property
    def _at_home(self) -> bool:
        return self._settled and self._home is not None

    def _connected(self, to: Address, connection: int, now: float) -> None:
        self._roster.answered(to)
        if self._home not in (None, to):
            return  # another was faster
        new = self._home is None
        self._home, self._connection, self._connection_ends = to, connection, now + CONNECTION_S
        if new:
            self._tried.clear()
            self._look_at, self._wait_s, self._width = math.inf, WAVE_S, 1
            self._enquiry_ends = now + ENQUIRY_S
            self._outbox.send(to, encode(Enquiry(connection)))
        if to != self._last_home:
            self._last_home = to
            self._registrations.forgotten()

    def _settle(self) -> None:
        self._settled, self._enquiry_ends = True, math.inf

    def _on_silence(self, asked: Asked, now: float) -> None:
        self._take_back(asked)
        if asked.aim is Aim.CONNECT:
            self._roster.failed(asked.to, now)
        if asked.to == self._home:
            self._lose_home(now)

    def _lose_home(self, now: float) -> None:
        """Home is silent, or answers nonsense: ask it as any other, and some others."""
        self._home = None
        self._width = WAVE
        self._look_at = max(now, self._looked_at + WAVE_S)
        for asked in self._requests.take_all():
            self._take_back(asked)

    def _take_back(self, asked: Asked) -> None:
        """It was asked in vain: ask again."""
        if asked.aim is Aim.REGISTER:
            self._registrations.missed(asked.key)
        elif asked.aim is Aim.SEEK and asked.lookup in self._seeks:
            self._seeks[asked.lookup].asked = False

    def _look(self, now: float) -> None:
        """Ask the next whether they are there."""
        turns = [address for address in self._roster.turns() if address not in self._tried]
        wave = turns[: self._width]
        self._width = WAVE
        self._looked_at, self._look_at = now, now + WAVE_S
        if not wave:
            self._tried.clear()
            self._look_at = now + self._wait_s
            self._wait_s = min(2 * self._wait_s, MAX_WAIT_S)
        for address in wave:
            self._tried.add(address)
            self._requests.connect(address, next(iter(self._seeks), None), now)

    # What follows

    def _go_on(self, now: float) -> None:
        """Do all that there is reason for by now."""
        if self._home is None and now >= self._look_at and len(self._roster):
            self._look(now)
        if self._home is None or not self._at_home:
            return
        unasked = [lookup for lookup, seek in self._seeks.items() if not seek.asked]
        if now >= self._connection_ends:
            if (unasked or now >= self._registrations.timer) and not self._requests.count(Aim.CONNECT):
                self._requests.connect(self._home, next(iter(unasked), None), now)
            return
        for lookup in unasked:
            seek = self._seeks[lookup]
            seek.asked = True
            question = inquiry(seek.key, self._peer_id)
            self._requests.seek(self._home, self._connection, seek.transaction, lookup, question, now)
        while self._may_register and (key := self._registrations.take_due(now)) is not None:
            self._requests.register(self._home, self._connection, self._announce(key, Event.REGULAR), now)

    @property
    def _may_register(self) -> bool:
        return self._requests.count(Aim.REGISTER) < REGISTERED_AT_ONCE

    def _announce(self, key: Key, event: Event) -> Announce:
        return Announce(key, self._peer_id, self._registrations.port(key), 0, 0, 0, event, 0, self._key)

    def _say_goodbye(self, keys: Iterable[Key], now: float) -> None:
        for key in keys:
            if self._home is not None and now < self._connection_ends and self._registrations.knows(key):
                self._requests.farewell(self._home, self._connection, self._announce(key, Event.STOPPED))

    # What there is to tell

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        return self._outbox.take_datagrams()

    def take_findings(self) -> list[Finding]:
        """What lookups found; taken once."""
        taken, self._findings = self._findings, []
        return taken

    def take_costs(self) -> Mapping[LookupId, Cost]:
        """Questions asked for this node's lookups. The supernode counts its answers under the same ids."""
        return self._outbox.take_costs()

    def census(self) -> Census:
        """Its figures now."""
        return Census(
            neighbours=int(self._home is not None),
            entries=len(self._roster) + len(self._registrations) + len(self._requests) + len(self._seeks),
            sent=self._outbox.sent,
            sent_bytes=self._outbox.sent_bytes,
            received=self._received,
            dropped=0,
            refused=self._refused,
        )
