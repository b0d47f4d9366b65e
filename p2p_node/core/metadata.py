"""Metadata for peers (BEP 9): hands out the info dictionary's parts, and fetches it when only its hash is known.

What peers claim is worth nothing until the whole has the right hash: sizes that differ are fetched side by side, and
once parts of several peers did not fit together, each peer has to prove itself alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from p2p_node.boundary import ConnectionId
from p2p_node.core.allowance import Allowance
from p2p_node.core.connection import Connection
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metadata import (
    MAX_METADATA,
    PART,
    MetadataData,
    MetadataMessage,
    MetadataReject,
    MetadataRequest,
    part_count,
)

SERVED_S = 60.0
"""A peer may fetch the whole dictionary twice in this time."""

MAX_REFUSED = 1000
"""A peer that goes on asking after that many rejects is closed."""

MAX_ASKED = 4
"""Parts asked of one peer at a time."""

MAX_COPIES = 3
"""Peers asked for the same part at a time, when no part is left that nobody was asked for."""

ANSWER_S = 5.0
"""A part that has not come by then is asked of others."""

REST_S = 10.0
"""A peer that refused or did not answer is asked again after this; it may be fetching the dictionary itself."""

MAX_STRIKES = 3
"""Refusals and silences after which a peer is of no use."""

MAX_HELD = 2 * MAX_METADATA
"""Bytes of unverified parts held in memory, whatever number of sizes peers claim."""


class MetadataServer:
    """Hands out the parts of a known dictionary, each peer a bounded number."""

    def __init__(self, raw_info: bytes) -> None:
        self._raw_info = raw_info
        self._allowances: dict[ConnectionId, Allowance] = {}

    def answer(self, peer: Connection, request: MetadataRequest, now: float) -> MetadataData | MetadataReject:
        """What a peer gets that asks for a part. Raises ProtocolError when it floods."""
        parts = part_count(len(self._raw_info))
        allowance = self._allowances.setdefault(peer.id, Allowance(2 * parts, SERVED_S, now))
        if not allowance.take(now):
            if allowance.refused > MAX_REFUSED:
                raise ProtocolError("floods with metadata requests")
            return MetadataReject(request.part)
        if request.part >= parts:
            return MetadataReject(request.part)
        start = request.part * PART
        return MetadataData(request.part, len(self._raw_info), self._raw_info[start : start + PART])

    def left(self, peer: Connection) -> None:
        """A peer is gone."""
        self._allowances.pop(peer.id, None)


@dataclass(slots=True)
class _Source:
    """A peer that says that it has the dictionary, and in what size; what it was asked for, and when."""

    id: ConnectionId
    size: int
    asked: dict[int, float] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    """Parts that were given up; they may still come."""
    strikes: int = 0
    rests_until: float = 0.0


@dataclass(slots=True)
class _Attempt:
    """The parts that came for one size. `alone` is the peer that must send all of them, None for any."""

    alone: ConnectionId | None = None
    parts: dict[int, bytes] = field(default_factory=dict)
    senders: set[ConnectionId] = field(default_factory=set)


class MetadataFetcher:
    """Asks many peers for parts until the whole matches the magnet's hashes. `raw_info` is then the dictionary."""

    def __init__(self, magnet: Magnet) -> None:
        self.raw_info: bytes | None = None
        self.useless: list[tuple[ConnectionId, str]] = []
        """Peers of which nothing more is expected, and why; for the owner to close and clear."""
        self._magnet = magnet
        self._sources: dict[ConnectionId, _Source] = {}
        self._attempts: dict[int, _Attempt] = {}

    @property
    def timer(self) -> float | None:
        """When `ask` wants to be called although nothing happened."""
        if self.raw_info is not None:
            return None
        times = [asked + ANSWER_S for source in self._sources.values() for asked in source.asked.values()]
        times += [source.rests_until for source in self._sources.values() if source.rests_until]
        return min(times, default=None)

    def joined(self, peer: ConnectionId, size: int) -> None:
        """A peer says that it has the dictionary, of this many bytes."""
        known = self._sources.get(peer)
        if known is not None and known.size == size:
            return
        self.left(peer)
        if size > MAX_METADATA:
            self.useless.append((peer, f"claims metadata of {size} bytes"))
            return
        self._sources[peer] = _Source(peer, size)
        self._attempts.setdefault(size, _Attempt())

    def left(self, peer: ConnectionId) -> None:
        """A peer is gone."""
        source = self._sources.pop(peer, None)
        if source is None:
            return
        if not any(other.size == source.size for other in self._sources.values()):
            del self._attempts[source.size]
        elif self._attempts[source.size].alone == peer:
            self._start_alone(source.size)

    def received(self, peer: ConnectionId, message: MetadataMessage, now: float) -> None:
        """A peer answered. Raises ProtocolError for a part that was never asked for."""
        source = self._sources.get(peer)
        if source is None or isinstance(message, MetadataRequest):
            return
        if isinstance(message, MetadataReject):
            if message.part in source.asked:
                self._strike(source, "will not send metadata", now)
            return
        if message.total != source.size or message.part not in source.asked.keys() | source.late:
            raise ProtocolError(f"unsolicited metadata part {message.part} of {message.total} bytes")
        source.asked.pop(message.part, None)
        source.late.discard(message.part)
        source.strikes = 0
        attempt = self._attempts[source.size]
        if attempt.alone in (None, peer) and message.part not in attempt.parts:
            attempt.parts[message.part] = message.data
            attempt.senders.add(peer)
            if len(attempt.parts) == part_count(source.size):
                self._judge(source.size, attempt)

    def ask(self, now: float) -> list[tuple[ConnectionId, MetadataRequest]]:
        """The requests to send now."""
        if self.raw_info is not None:
            return []
        for source in list(self._sources.values()):
            if any(now >= asked + ANSWER_S for asked in source.asked.values()):
                self._strike(source, "does not send metadata", now)
            elif source.rests_until <= now:
                source.rests_until = 0.0
        requests = []
        for size in self._affordable():
            for source in [source for source in self._sources.values() if source.size == size]:
                if not source.rests_until and self._attempts[size].alone in (None, source.id):
                    requests += [(source.id, MetadataRequest(part)) for part in self._choose(source, now)]
        return requests

    def _choose(self, source: _Source, now: float) -> list[int]:
        attempt = self._attempts[source.size]
        peers = [other for other in self._sources.values() if other.size == source.size]
        copies = {part: 0 for part in range(part_count(source.size)) if part not in attempt.parts}
        for other in peers:
            for part in other.asked:
                if part in copies:
                    copies[part] += 1
        wanted = sorted((part for part in copies if part not in source.asked), key=copies.__getitem__)
        chosen = [part for part in wanted if copies[part] < MAX_COPIES][: MAX_ASKED - len(source.asked)]
        source.asked |= dict.fromkeys(chosen, now)
        return chosen

    def _affordable(self) -> list[int]:
        """The sizes to fetch at a time: those that most peers claim, as far as memory goes."""
        claims = dict.fromkeys(self._attempts, 0)
        for source in self._sources.values():
            claims[source.size] += 1
        chosen, held = [], 0
        for size in sorted(claims, key=lambda size: (-claims[size], size)):
            if held + size <= MAX_HELD:
                chosen.append(size)
                held += size
            else:
                self._attempts[size].parts.clear()
        return chosen

    def _judge(self, size: int, attempt: _Attempt) -> None:
        raw_info = b"".join(attempt.parts[part] for part in range(part_count(size)))
        if self._is_right(raw_info):
            self.raw_info = raw_info
            return
        if len(attempt.senders) == 1:
            (liar,) = attempt.senders
            self._let_go(liar, "sent metadata that is wrong")
        if size in self._attempts:
            self._start_alone(size)

    def _is_right(self, raw_info: bytes) -> bool:
        v1, v2 = self._magnet.info_hash_v1, self._magnet.info_hash_v2
        return (v1 is None or hashlib.sha1(raw_info).digest() == v1) and (
            v2 is None or hashlib.sha256(raw_info).digest() == v2
        )

    def _start_alone(self, size: int) -> None:
        peer = next(source.id for source in self._sources.values() if source.size == size)
        self._attempts[size] = _Attempt(alone=peer)

    def _strike(self, source: _Source, reason: str, now: float) -> None:
        source.late.update(source.asked)
        source.asked.clear()
        source.strikes += 1
        source.rests_until = now + REST_S
        if source.strikes >= MAX_STRIKES:
            self._let_go(source.id, reason)
        elif self._attempts[source.size].alone == source.id:
            # Whoever must send everything alone and does not makes room for the next.
            self._sources[source.id] = self._sources.pop(source.id)
            self._start_alone(source.size)

    def _let_go(self, peer: ConnectionId, reason: str) -> None:
        self.left(peer)
        self.useless.append((peer, reason))
