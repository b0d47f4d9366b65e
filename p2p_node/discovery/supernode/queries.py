"""What a supernode asks the others for its leaves: queries under way, and when enough is known to answer.

The rule: a leaf waits for a short while at most. Of the mates whose summaries have the key, a few are asked at a time,
those first that were worth asking so far; the next few when these knew too few peers, or nothing came for PATIENCE_S.
Nobody asks on, so a lookup never goes farther than leaf – supernode – supernode.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random

from p2p_node.discovery.base import Key, LookupId
from p2p_node.discovery.supernode.mate import Mate
from p2p_node.discovery.supernode.mesh import Mesh
from p2p_node.discovery.supernode.outbox import Outbox
from p2p_node.wire.address import Address
from p2p_node.wire.supernode import MAX_PEERS, Hit, Query, encode

PATIENCE_S = 0.15
"""How long mates may take before a leaf is answered without them, or others are asked as well. Most take a round
trip."""

MAX_WAVES = 4
"""After so many patiences a leaf hears what there is, were it nothing: it waits for a second itself."""

ASKED_AT_ONCE = 4
"""Mates asked at a time. For a common key they all have some; for a rare one hardly more seem to have it."""

BELIEVED = 4
"""Peers of one mate that count as found: one that makes up many does not end the search."""

MAX_UNDER_WAY = 1024
"""Queries that wait for answers at a time, for all leaves."""

Answered = Callable[[tuple[Address, ...], float], None]
"""Is told the peers that the others know, and the time."""


@dataclass(slots=True)
class _Query:
    key: Key
    lookup: LookupId
    needed: int
    answer: Answered
    due: float = 0.0
    waves: int = 0
    waiting: set[Address] = field(default_factory=set)
    asked: set[Address] = field(default_factory=set)
    hits: list[tuple[Address, ...]] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many peers were named, as far as that is believed."""
        return sum(min(len(peers), BELIEVED) for peers in self.hits)


class Queries:
    """Those of one supernode."""

    def __init__(self, mesh: Mesh, outbox: Outbox, rng: Random) -> None:
        self.dropped = 0
        self._mesh = mesh
        self._outbox = outbox
        self._rng = rng
        self._under_way: OrderedDict[int, _Query] = OrderedDict()
        """By number; all are patient alike, so whoever was asked longest ago is first."""

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        return next(iter(self._under_way.values())).due if self._under_way else math.inf

    def ask(self, key: Key, lookup: LookupId, needed: int, answer: Answered, now: float) -> bool:
        """Ask the others until so many peers are known; False, and no answer, when none may know or too much is asked
        already."""
        query = _Query(key, lookup, needed, answer)
        mates = self._next(query)
        if not mates:
            return False
        if len(self._under_way) >= MAX_UNDER_WAY:
            self.dropped += 1
            return False
        self._send(self._rng.getrandbits(32), query, mates, now)
        return True

    def hit(self, mate: Mate, hit: Hit, now: float) -> bool:
        """A mate answered; False when it was not asked, or too late."""
        query = self._under_way.get(hit.number)
        if query is None or mate.address not in query.waiting:
            return False
        query.waiting.discard(mate.address)
        query.hits.append(hit.peers)
        mate.judge(bool(hit.peers))
        if not query.waiting:
            self._go_on(hit.number, query, query.found >= query.needed, now)
        return True

    def tick(self, now: float) -> None:
        """The timer came due."""
        while self._under_way:
            number, query = next(iter(self._under_way.items()))
            if now < query.due:
                return
            for mate in self._present(query.waiting):
                mate.judge(False)
                self._mesh.doubt(mate, now)
            self._go_on(number, query, query.found > 0, now)

    def abandon(self, lookup: LookupId) -> None:
        """The answer is no longer needed."""
        for number in [number for number, query in self._under_way.items() if query.lookup == lookup]:
            del self._under_way[number]

    def _go_on(self, number: int, query: _Query, enough: bool, now: float) -> None:
        mates = [] if enough or query.waves == MAX_WAVES else self._next(query)
        if mates:
            self._send(number, query, mates, now)
        else:
            del self._under_way[number]
            query.answer(interleaved(query.hits), now)

    def _send(self, number: int, query: _Query, mates: Iterable[Mate], now: float) -> None:
        data = encode(Query(number, query.lookup, query.key, MAX_PEERS))
        for mate in mates:
            query.waiting.add(mate.address)
            query.asked.add(mate.address)
            self._outbox.send(mate.address, data, query.lookup)
        query.waves += 1
        query.due = now + PATIENCE_S
        self._under_way[number] = query
        self._under_way.move_to_end(number)

    def _next(self, query: _Query) -> list[Mate]:
        """Whom to ask: who was not asked yet, else who has not answered – a datagram may be lost."""
        able = [
            mate for mate in self._mesh.mates.values() if mate.address not in query.asked and mate.may_have(query.key)
        ]
        able = able or self._present(query.waiting)
        able.sort(key=lambda mate: (mate.pings, -mate.worth, self._rng.random()))
        return able[:ASKED_AT_ONCE]

    def _present(self, addresses: Iterable[Address]) -> list[Mate]:
        return [self._mesh.mates[address] for address in addresses if address in self._mesh.mates]


def interleaved(lists: Iterable[tuple[Address, ...]]) -> tuple[Address, ...]:
    """One list in which each gets its turn, so that none displaces what the others know; everybody once."""
    turns = zip_longest(*lists)
    return tuple(dict.fromkeys(address for turn in turns for address in turn if address is not None))
