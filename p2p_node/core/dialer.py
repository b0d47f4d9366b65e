"""Whom to dial: addresses learned, tried a few at a time, and again later when they failed.

Where not all can be dialled or remembered, BEP 40 decides, so that no peer can choose to be preferred; but the address
known longest is always among them, as trackers may name a seed first. Otherwise they are dialled as they were learned;
but who knows no seed dials one that others call a seed before all else, one at a time, as any of them may lie.
"""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import Iterable, Set
from dataclasses import dataclass

from p2p_node.core.priority import priority
from p2p_node.wire.announce import Address

MAX_HALF_OPEN = 40
"""Dials under way at once."""

MAX_KNOWN = 1000
"""Addresses remembered; more would only be a way to fill memory."""

ANSWER_S = 0.5
"""A dial that has not succeeded by then may be to nobody: another address is tried beside it."""

RETRY_S = 2.0
MAX_RETRY_S = 60.0
MAX_ATTEMPTS = 6


@dataclass(slots=True)
class _Candidate:
    priority: int
    seeds: bool = False
    """Whether it is said to have everything."""
    attempts: int = 0
    next_at: float = 0.0
    dialled_at: float = 0.0


class Dialer:
    """The addresses that could be dialled. An address leaves when it is dialled and returns when that fails or ends."""

    def __init__(self, own: Address) -> None:
        self._own = own
        self._ranks = not ipaddress.ip_address(own[0]).is_unspecified
        """An address that every node takes for its own would give them all the same favourites."""
        self._candidates: dict[Address, _Candidate] = {}
        self._dialling: dict[Address, _Candidate] = {}
        self._began = False
        """Whether any address was dialled yet."""
        self._retry_at: float | None = None

    def learn(self, addresses: Iterable[Address]) -> None:
        """Peers were found."""
        for address in addresses:
            known = address == self._own or address in self._candidates or address in self._dialling
            if not known:
                self._add(address)

    def learn_seeds(self, addresses: Iterable[Address]) -> None:
        """Peers were found that are said to have everything."""
        for address in addresses:
            self.learn([address])
            if (candidate := self._candidates.get(address)) is not None:
                candidate.seeds = True

    def next(self, connected: Set[Address], room: int, now: float, *, seedless: bool = False) -> list[Address]:
        """The addresses to dial now, for `room` more connections; and one more for who is `seedless`, connected to
        nobody that has everything."""
        for address in connected:
            self._candidates.pop(address, None)
        self._retry_at = min((one.next_at for one in self._candidates.values() if one.next_at > now), default=None)
        room -= sum(
            now - dial.dialled_at < ANSWER_S for address, dial in self._dialling.items() if address not in connected
        )
        if not self._began:
            room = max(room, 1)  # others may have come first, but not the seed
        room = max(min(room, MAX_HALF_OPEN - len(self._dialling)), 0)
        if not room and not seedless:
            return []
        due = [address for address, candidate in self._candidates.items() if candidate.next_at <= now]
        chosen = due if len(due) <= room else self._best(due, room)
        if seedless and len(self._dialling) + len(chosen) < MAX_HALF_OPEN:
            chosen += self._seed_beyond(chosen, due)
        for address in chosen:
            self._began = True
            self._dialling[address] = self._candidates.pop(address)
            self._dialling[address].dialled_at = now
        return chosen

    def untried(self) -> list[Address]:
        """The addresses that could be dialled, now or later."""
        return [*self._dialling, *self._candidates]

    def timer(self) -> float | None:
        """When a failed address is to be tried again; None when there is none. One that is due waits for room."""
        return self._retry_at

    def succeeded(self, address: Address) -> None:
        """The address answered."""
        self._dialling.pop(address, None)

    def failed(self, address: Address, now: float) -> None:
        """The address did not answer; it is tried again a few times, ever later."""
        candidate = self._dialling.pop(address, None)
        if candidate is None or candidate.attempts + 1 >= MAX_ATTEMPTS:
            return
        candidate.next_at = now + min(RETRY_S * 2**candidate.attempts, MAX_RETRY_S)
        candidate.attempts += 1
        self._candidates[address] = candidate
        self._retry_at = min(self._retry_at or candidate.next_at, candidate.next_at)

    def _best(self, due: list[Address], room: int) -> list[Address]:
        best = heapq.nlargest(room, due[1:], key=lambda address: self._candidates[address].priority)
        return [*due[:1], *best][:room]

    def _seed_beyond(self, chosen: list[Address], due: list[Address]) -> list[Address]:
        """A seed that is due and not chosen, unless one is chosen or dialled already."""
        if any(dial.seeds for dial in self._dialling.values()) or any(self._candidates[one].seeds for one in chosen):
            return []
        return [address for address in due if self._candidates[address].seeds][:1]

    def _add(self, address: Address) -> None:
        candidate = _Candidate(self._rank(address))
        if len(self._candidates) >= MAX_KNOWN:
            worst = min(self._candidates, key=lambda known: self._candidates[known].priority)
            if self._candidates[worst].priority >= candidate.priority:
                return
            del self._candidates[worst]
        self._candidates[address] = candidate

    def _rank(self, address: Address) -> int:
        same_family = (":" in address[0]) == (":" in self._own[0])
        return priority(self._own, address) if self._ranks and same_family else 0
