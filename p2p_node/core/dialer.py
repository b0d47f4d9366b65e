"""Whom to dial: addresses learned, tried a few at a time, and again later when they failed.

Where not all can be dialled or remembered, BEP 40 decides, so that no peer can choose to be preferred; but the address
known longest is always among them, as trackers may name a seed first. Otherwise they are dialled as they were learned;
but who knows no seed dials one that others call a seed before all else, one at a time, as any of them may lie.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import islice

from p2p_node.core.priority import priority
from p2p_node.core.timers import earliest
from p2p_node.wire.address import Address, parsed

MAX_HALF_OPEN = 40
"""Dials under way at once."""

MAX_KNOWN = 250
"""Addresses remembered; trackers and peers name others when these come to nothing. With 1,000 a peer in a crowd of
10,000 took 350 KB for addresses it never dialled."""

SPARE = MAX_KNOWN // 2
"""Addresses taken in beyond that before the best are chosen: once for many, as it costs a look at all."""

ANSWER_S = 0.5
"""A dial that has not succeeded by then may be to nobody: another address is tried beside it. Twice as long for each
SEVERAL more that have not, as then our own link or machine is the slow one: on two busy cores each of a thousand peers
else dialled 28 others within half a minute, and a third of the dials came to nothing for want of time."""

SEVERAL = 8
"""Who is connected to so many is in no hurry: its failed dials hold their room for `ANSWER_S`. Else a thousand peers,
nearly all of whom have enough, would dial eighty others a second each for the few places that are left."""

LAGS = 2
"""And so many times longer than this node itself was late: answers lie here that it has not looked at."""

PROMISING = 4
"""A dial may be answered for so many times longer than it is until another is tried beside it."""

RETRY_S = 2.0
MAX_RETRY_S = 60.0
MAX_ATTEMPTS = 6


@dataclass(slots=True)
class _Candidate:
    priority: int
    attempts: int = 0
    next_at: float = 0.0
    dialled_at: float = 0.0
    connected: bool = False


class Dialer:
    """The addresses that could be dialled. An address leaves when it is dialled and returns when that fails or ends."""

    def __init__(self, own: Address) -> None:
        self._own = own
        self._ranks = not parsed(own[0]).is_unspecified
        """An address that every node takes for its own would give them all the same favourites."""
        self._candidates: dict[Address, _Candidate] = {}
        self._resting: dict[Address, _Candidate] = {}
        """Those that failed, until they are tried again."""
        self._dialling: dict[Address, _Candidate] = {}
        self._seeds: dict[Address, None] = {}
        """Those of all these that are said to have everything."""
        self._began = False
        """Whether any address was dialled yet."""
        self._retry_at: float | None = None
        self._lag_s = 0.0
        """How late this node was lately."""
        self._failures: deque[float] = deque()
        """When dials failed lately."""

    def learn(self, addresses: Iterable[Address]) -> None:
        """Peers were found."""
        for address in addresses:
            is_known = address in self._candidates or address in self._dialling or address in self._resting
            if not is_known and address != self._own:
                self._candidates[address] = _Candidate(self._rank(address))
        if len(self._candidates) > MAX_KNOWN + SPARE:
            self._candidates = {address: self._candidates[address] for address in self._best(MAX_KNOWN)}
            self._seeds = {address: None for address in self.untried() if address in self._seeds}

    def learn_seeds(self, addresses: Iterable[Address]) -> None:
        """Peers were found that are said to have everything."""
        for address in addresses:
            self.learn([address])
            if address in self._candidates or address in self._resting:
                self._seeds[address] = None

    @property
    def knows_seeds(self) -> bool:
        """Whether somebody not connected is said to have everything."""
        return bool(self._seeds)

    @property
    def known(self) -> int:
        """How many addresses could be dialled, or are, now or later."""
        return len(self._dialling) + len(self._candidates) + len(self._resting)

    def unanswered(self, now: float) -> int:
        """How many dials may still bring a peer: connections that have not shaken hands, and what may become one."""
        patience_s = PROMISING * self._patience_s(len(self._dialling))
        return sum(dial.connected or now - dial.dialled_at < patience_s for dial in self._dialling.values())

    def may_dial(self, connections: int, room: int, now: float, *, seedless: bool) -> bool:
        """Whether `next` may name somebody, beside so many connections; asked after nearly every input, so it costs
        next to nothing."""
        self._pass_time(now)
        return bool(self._candidates) and (seedless or self._at_once(connections, room, now) > 0)

    def next(self, connected: Set[Address], room: int, now: float, *, seedless: bool = False) -> list[Address]:
        """The addresses to dial now, for `room` more connections; and one more for who is `seedless`, connected to
        nobody that has everything."""
        for address in connected:
            self._candidates.pop(address, None)
            self._resting.pop(address, None)
            self._seeds.pop(address, None)
        self._pass_time(now)
        room = self._at_once(len(connected), room, now)
        chosen = self._best(room) if room and self._candidates else []
        if seedless and len(self._dialling) + len(chosen) < MAX_HALF_OPEN:
            chosen += self._seed_beyond(chosen)
        for address in chosen:
            self._began = True
            self._dialling[address] = self._candidates.pop(address)
            self._dialling[address].dialled_at = now
            self._dialling[address].connected = False
        return chosen

    def untried(self) -> list[Address]:
        """The addresses that could be dialled, or are, now or later."""
        return [*self._dialling, *self._candidates, *self._resting]

    def timer(self) -> float | None:
        """When a failed address is to be tried again, or another in its place; None when there is none. One that is
        due waits for room."""
        if not self._failures or not self._candidates:
            return self._retry_at
        return earliest(self._failures[0] + ANSWER_S, self._retry_at)

    def lagged(self, seconds: float) -> None:
        """This node was told the time so late; it takes a few times to believe that it is late no more."""
        self._lag_s = max(seconds, self._lag_s / 2)

    def connected(self, address: Address) -> None:
        """A dial became a connection, and counts as that; whether a peer answers there is not known yet."""
        if (dial := self._dialling.get(address)) is not None:
            dial.connected = True

    def succeeded(self, address: Address) -> None:
        """A peer answered at the address."""
        self._dialling.pop(address, None)
        self._seeds.pop(address, None)

    def failed(self, address: Address, now: float) -> None:
        """The address did not answer; it is tried again a few times, ever later."""
        candidate = self._dialling.pop(address, None)
        if candidate is None:
            return
        self._failures.append(now)
        if candidate.attempts + 1 >= MAX_ATTEMPTS:
            self._seeds.pop(address, None)
            return
        candidate.next_at = now + min(RETRY_S * 2**candidate.attempts, MAX_RETRY_S)
        candidate.attempts += 1
        self._resting[address] = candidate
        self._retry_at = earliest(candidate.next_at, self._retry_at)

    def _at_once(self, connections: int, room: int, now: float) -> int:
        if not self._began:
            room = max(room, 1)  # others may have come first, but not the seed
        if room <= 0:
            return 0
        # Half of it: in a flash crowd as many dial us meanwhile, and who dials for all its room is turned away twice as
        # often by peers that have enough.
        dialled_at = [dial.dialled_at for dial in self._dialling.values() if not dial.connected]
        patience_s = self._patience_s(len(dialled_at))
        room = -(-room // 2) - sum(now - each < patience_s for each in dialled_at)
        if connections >= SEVERAL:
            room -= len(self._failures)
        return max(min(room, MAX_HALF_OPEN - len(self._dialling)), 0)

    def _patience_s(self, dials: int) -> float:
        return float(ANSWER_S * 2 ** ((dials - 1) // SEVERAL) + LAGS * self._lag_s)

    def _pass_time(self, now: float) -> None:
        """Who has rested may be dialled again, and failures count no longer after a while."""
        while self._failures and self._failures[0] + ANSWER_S <= now:
            self._failures.popleft()
        if self._retry_at is None or self._retry_at > now:
            return
        for address in [address for address, candidate in self._resting.items() if candidate.next_at <= now]:
            self._candidates[address] = self._resting.pop(address)
        self._retry_at = min((candidate.next_at for candidate in self._resting.values()), default=None)

    def _best(self, room: int) -> list[Address]:
        first, *others = self._candidates
        if len(others) >= room:
            others.sort(key=lambda address: self._candidates[address].priority, reverse=True)
        return [first, *others[: room - 1]]

    def _seed_beyond(self, chosen: list[Address]) -> list[Address]:
        """A seed that is due and not chosen, unless one is chosen or dialled already."""
        if any(address in self._dialling or address in chosen for address in self._seeds):
            return []
        return list(islice((address for address in self._seeds if address in self._candidates), 1))

    def _rank(self, address: Address) -> int:
        same_family = (":" in address[0]) == (":" in self._own[0])
        return priority(self._own, address) if self._ranks and same_family else 0
