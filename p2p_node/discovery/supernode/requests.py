"""What a leaf has asked of supernodes by the tracker protocol over UDP (BEP 15), and waits for."""

from __future__ import annotations

import math
from enum import Enum, auto
from random import Random

import msgspec

from p2p_node.discovery.base import Key, LookupId
from p2p_node.discovery.supernode.outbox import Outbox
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce
from p2p_node.wire.udp_tracker import MAGIC, Connect, Request, encode_request

CONNECT_S = 0.5
REGISTER_S = 0.5
SEEK_S = 1.0
"""How long an answer may take; that to a seek may wait for other supernodes. BEP 15's fifteen seconds suit trackers
across the world that nobody can replace."""


class Aim(Enum):
    """Why something is asked."""

    CONNECT = auto()
    REGISTER = auto()
    SEEK = auto()


PATIENCE_S = {Aim.CONNECT: CONNECT_S, Aim.REGISTER: REGISTER_S, Aim.SEEK: SEEK_S}


class Asked(msgspec.Struct, frozen=True):
    """A request that waits for its answer."""

    aim: Aim
    to: Address
    due: float
    key: Key = b""
    lookup: LookupId | None = None


class Requests:
    """Those of one leaf."""

    def __init__(self, outbox: Outbox, rng: Random) -> None:
        self._outbox = outbox
        self._rng = rng
        self._under_way: dict[int, Asked] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def timer(self) -> float:
        """When the next is late."""
        return min((asked.due for asked in self._under_way.values()), default=math.inf)

    def count(self, aim: Aim) -> int:
        """How many with this aim wait for answers."""
        return sum(asked.aim is aim for asked in self._under_way.values())

    def connect(self, to: Address, lookup: LookupId | None, now: float) -> None:
        """Ask for a connection id, on behalf of a lookup if one needs it."""
        transaction = self._rng.getrandbits(32)
        data = encode_request(Request(MAGIC, transaction, Connect()))
        self._open(transaction, Aim.CONNECT, to, data, b"", lookup, now)

    def register(self, to: Address, connection: int, announce: Announce, now: float) -> None:
        """Announce what this host has."""
        transaction = self._rng.getrandbits(32)
        data = encode_request(Request(connection, transaction, announce))
        self._open(transaction, Aim.REGISTER, to, data, announce.info_hash, None, now)

    def seek(
        self, to: Address, connection: int, transaction: int, lookup: LookupId, inquiry: Announce, now: float
    ) -> None:
        """Ask who has an item; the transaction is the one that names the lookup."""
        data = encode_request(Request(connection, transaction, inquiry))
        self._open(transaction, Aim.SEEK, to, data, inquiry.info_hash, lookup, now)

    def farewell(self, to: Address, connection: int, announce: Announce) -> None:
        """Announce an end, and wait for no answer."""
        self._outbox.send(to, encode_request(Request(connection, self._rng.getrandbits(32), announce)))

    def close(self, transaction: int | None, source: Address, size: int) -> Asked | None:
        """What an answer from there answers, if anything; it is waited for no longer."""
        asked = self._under_way.get(transaction) if transaction is not None else None
        if transaction is None or asked is None or asked.to != source:
            return None
        if asked.aim is Aim.CONNECT and asked.lookup is not None:
            self._outbox.charge(asked.lookup, size)  # nobody else knows for whose sake it was sent
        return self._under_way.pop(transaction)

    def take_late(self, now: float) -> list[Asked]:
        """Those that waited too long; they are given up."""
        late = [transaction for transaction, asked in self._under_way.items() if now >= asked.due]
        return [self._under_way.pop(transaction) for transaction in late]

    def take_all(self) -> list[Asked]:
        """All; they are given up."""
        asked = list(self._under_way.values())
        self._under_way.clear()
        return asked

    def _open(
        self, transaction: int, aim: Aim, to: Address, data: bytes, key: Key, lookup: LookupId | None, now: float
    ) -> None:
        self._under_way[transaction] = Asked(aim, to, now + PATIENCE_S[aim], key, lookup)
        self._outbox.send(to, data, lookup)
