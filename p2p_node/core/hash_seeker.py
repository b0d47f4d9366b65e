"""Seeking merkle hashes (BEP 52): piece layers that an info dictionary alone lacks, and leaves of pieces on trial.

A request is given to one peer at a time, and to another when it is rejected or late; several peers are asked side by
side. What they answer is proved by the torrent's own hashes: a wrong answer ends its sender's connection, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from p2p_node.boundary import ConnectionId
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.extensions import Sender
from p2p_node.core.hashes import HashCollector, request_of
from p2p_node.core.picker import Picker
from p2p_node.core.trials import Trials
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import Hashes, HashReject, HashRequest
from p2p_node.wire.metainfo import Metainfo

MAX_ASKED = 2
"""Requests under way to one peer: the second hides the round trip."""

ANSWER_S = 5.0
"""A request that is not answered by then is given to another peer; libtorrent answers within its second's tick."""

REST_S = 5.0
"""A peer that rejected a request, or was late, is asked again after this; it may be fetching the hashes itself."""


@dataclass(slots=True)
class _Source:
    """What one peer was asked, and when."""

    asked: dict[HashRequest, float] = field(default_factory=dict)
    late: set[HashRequest] = field(default_factory=set)
    """Requests that were given to others; the answers may still come, and are of no use."""
    rests_until: float = 0.0
    """0: it does not rest."""


class HashSeeker:
    """Asks the peers of one torrent for hashes; `picker` is told which pieces have become verifiable, and `reopened`
    called, as they can be asked for now."""

    def __init__(
        self,
        metainfo: Metainfo,
        picker: Picker,
        trials: Trials,
        connections: Mapping[ConnectionId, Connection],
        send: Sender,
        reopened: Callable[[float], None],
    ) -> None:
        self._metainfo = metainfo
        self._picker = picker
        self._trials = trials
        self._connections = connections
        self._send = send
        self._reopened = reopened
        missing = metainfo.layers is not None and metainfo.layers.missing
        self._collector = HashCollector(metainfo) if missing else None
        self._sources: dict[ConnectionId, _Source] = {}

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        if not self._sources:
            return None
        times = [asked_at + ANSWER_S for source in self._sources.values() for asked_at in source.asked.values()]
        if self.wanting:
            times += [source.rests_until for source in self._sources.values() if source.rests_until]
        return min(times, default=None)

    @property
    def wanting(self) -> bool:
        """Whether some peer is to be asked."""
        return self._trials.wanting or (self._collector is not None and self._collector.wanting)

    def ask(self, now: float) -> None:
        """Give out requests to peers that may have the answers."""
        if not self.wanting:
            return
        askable = 0
        for peer in self._connections.values():
            if peer.phase is not Phase.OPEN or not peer.v2 or not peer.have:
                continue
            source = self._sources.setdefault(peer.id, _Source())
            if source.rests_until:
                continue
            askable |= peer.have
            while len(source.asked) < MAX_ASKED and (request := self._next(peer)) is not None:
                source.asked[request] = now
                source.late.discard(request)
                self._send(peer, request, now)
        self._trials.give_up_beyond(askable, now)

    def received(self, peer: Connection, message: Hashes, now: float) -> None:
        """Hashes came. Raises ProtocolError when they were not asked for or are wrong."""
        request = request_of(message)
        source = self._sources.get(peer.id, _Source())
        if request in source.late:
            source.late.remove(request)
            return
        if request not in source.asked:
            raise ProtocolError("hashes that were not asked for")
        # A wrong answer leaves the request with the peer, which is closed for it: then it is given to another.
        if self._trials.owns(request):
            self._trials.received(request, message, now)
        elif self._collector is not None and self._collector.received(message):
            self._picker.verifiable(self._metainfo.unverifiable)
            self._reopened(now)
        source.asked.pop(request, None)
        self.ask(now)

    def rejected(self, peer: Connection, message: HashReject, now: float) -> None:
        """A peer will not answer a request."""
        source = self._sources.get(peer.id)
        request = request_of(message)
        if source is not None and source.asked.pop(request, None) is not None:
            source.rests_until = now + REST_S
            self._failed(request, now)
            self.ask(now)

    def left(self, peer: Connection, now: float) -> None:
        """A peer is gone."""
        source = self._sources.pop(peer.id, None)
        if source is not None:
            for request in source.asked:
                self._failed(request, now)
            self.ask(now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        for source in self._sources.values():
            for request in [request for request, asked_at in source.asked.items() if now >= asked_at + ANSWER_S]:
                del source.asked[request]
                source.late.add(request)
                source.rests_until = now + REST_S
                self._failed(request, now)
            if now >= source.rests_until:
                source.rests_until = 0.0
        self.ask(now)

    def _next(self, peer: Connection) -> HashRequest | None:
        request = self._trials.next_request(peer)
        if request is None and self._collector is not None:
            request = self._collector.next_request()
        return request

    def _failed(self, request: HashRequest, now: float) -> None:
        if self._trials.owns(request):
            self._trials.failed(request, now)
        elif self._collector is not None:
            self._collector.failed(request)
