"""Whom to dial: addresses learned, tried a few at a time, and again later when they failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from p2p_node.wire.announce import Address

MAX_HALF_OPEN = 40
"""Dials under way at once."""

MAX_KNOWN = 1000
"""Addresses remembered; more would only be a way to fill memory."""

RETRY_S = 2.0
MAX_RETRY_S = 60.0
MAX_ATTEMPTS = 6


@dataclass(slots=True)
class _Candidate:
    attempts: int = 0
    next_at: float = 0.0


class Dialer:
    """The addresses that could be dialled. An address leaves when it is dialled and returns when that fails or ends."""

    def __init__(self, own: Address) -> None:
        self._own = own
        self._candidates: dict[Address, _Candidate] = {}
        self._dialling: dict[Address, _Candidate] = {}

    def learn(self, addresses: Iterable[Address]) -> None:
        """Peers were found."""
        for address in addresses:
            known = address == self._own or address in self._candidates or address in self._dialling
            if not known and len(self._candidates) < MAX_KNOWN:
                self._candidates[address] = _Candidate()

    def next(self, connected: set[Address], room: int, now: float) -> list[Address]:
        """The addresses to dial now, at most `room`."""
        room = min(room, MAX_HALF_OPEN - len(self._dialling))
        due = [
            address
            for address, candidate in self._candidates.items()
            if candidate.next_at <= now and address not in connected
        ][: max(room, 0)]
        for address in due:
            self._dialling[address] = self._candidates.pop(address)
        return due

    def timer(self) -> float | None:
        """When a failed address is to be tried again; None when there is none."""
        return min((candidate.next_at for candidate in self._candidates.values() if candidate.attempts), default=None)

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
