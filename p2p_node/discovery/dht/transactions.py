"""Questions that wait for an answer. An answer counts only if it comes from where it was asked for, under the right
transaction, and once."""

from __future__ import annotations

from hashlib import blake2b

from p2p_node.discovery.dht.lookup import Candidate, Lookup
from p2p_node.wire.address import Address

LATE_S = 0.5
"""An answer that has not come by then is late: most round trips of the Internet are shorter."""

GIVEN_UP_S = 4.0
"""An answer that has not come by then will not come."""

MAX_UNANSWERED = 2000
"""Questions remembered; none is asked beyond."""

_SIZE = 4


class Asked:
    """A question: to whom, when, and for which lookup; for none, it is a ping or an announce."""

    __slots__ = ("address", "candidate", "lookup", "node_id", "sent")

    def __init__(
        self,
        address: Address,
        node_id: bytes | None,
        now: float,
        lookup: Lookup | None = None,
        candidate: Candidate | None = None,
    ) -> None:
        self.address = address
        self.node_id = node_id
        self.sent = now
        self.lookup = lookup
        self.candidate = candidate


class Transactions:
    """The questions under way, in the order in which they were asked."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._count = 0
        self._timely: dict[bytes, Asked] = {}
        self._late: dict[bytes, Asked] = {}

    def __len__(self) -> int:
        return len(self._timely) + len(self._late)

    @property
    def full(self) -> bool:
        """Whether no more may be asked now."""
        return len(self) >= MAX_UNANSWERED

    @property
    def timer(self) -> float | None:
        """When `take_late` or `take_given_up` will have something."""
        times = [first.sent + LATE_S for first in _first(self._timely)]
        times += [first.sent + GIVEN_UP_S for first in _first(self._late)]
        return min(times, default=None)

    def open(self, asked: Asked) -> bytes:
        """The transaction to ask this under; nobody can guess it who is not asked."""
        self._count += 1
        transaction = blake2b(self._count.to_bytes(8, "big"), key=self._secret, digest_size=_SIZE).digest()
        self._timely[transaction] = asked
        return transaction

    def close(self, transaction: bytes, source: Address) -> Asked | None:
        """What is answered by this, if anything was asked there under this transaction."""
        for waiting in (self._timely, self._late):
            asked = waiting.get(transaction)
            if asked is not None and asked.address == source:
                return waiting.pop(transaction)
        return None

    def take_late(self, now: float) -> list[Asked]:
        """Questions whose answers have become late by now; they are still waited for."""
        late = []
        while (first := next(iter(self._timely), None)) and now >= self._timely[first].sent + LATE_S:
            asked = self._late[first] = self._timely.pop(first)
            late.append(asked)
        return late

    def take_given_up(self, now: float) -> list[Asked]:
        """Questions that are not waited for any more."""
        given_up = []
        while (first := next(iter(self._late), None)) and now >= self._late[first].sent + GIVEN_UP_S:
            given_up.append(self._late.pop(first))
        return given_up


def _first(waiting: dict[bytes, Asked]) -> list[Asked]:
    return [waiting[next(iter(waiting))]] if waiting else []
