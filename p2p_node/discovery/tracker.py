"""The client of a tracker (BEP 3, BEP 23): when to announce, and what to make of the answers."""

from __future__ import annotations

from p2p_node.boundary import Announce as AnnounceEffect
from p2p_node.wire.announce import Address, Announce, Event, announce_url, decode_reply
from p2p_node.wire.errors import ProtocolError

WANTED = 50
"""Peers asked for: as many as a node keeps usefully connected."""

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 60.0
"""After a failed announce the wait doubles from the first to the last of these."""

LONELY_S = 5.0
"""While nobody is known yet, the next announce does not wait for the tracker's interval."""


class TrackerClient:
    """Announces one torrent to one tracker; one announce at a time."""

    def __init__(self, url: str, info_hash: bytes, peer_id: bytes, port: int) -> None:
        self.url = url
        self._info_hash = info_hash
        self._peer_id = peer_id
        self._port = port
        self._waiting_event: Event | None = Event.STARTED
        self._asking: Event | None = None
        self._next_at = 0.0
        self._retry_s = FIRST_RETRY_S
        self._known: set[Address] = set()

    @property
    def timer(self) -> float | None:
        """When `announce` wants to be called; None while an answer is awaited."""
        return self._next_at if self._asking is None else None

    def happened(self, event: Event, now: float) -> None:
        """Something the tracker wants to hear of (completed, stopped) happened."""
        self._waiting_event = event
        self._next_at = now

    def announce(self, uploaded: int, downloaded: int, left: int, now: float) -> AnnounceEffect | None:
        """The announce to make now, if one is due."""
        if self._asking is not None or now < self._next_at:
            return None
        self._asking = self._waiting_event or Event.REGULAR
        self._waiting_event = None
        wanted = 0 if self._asking is Event.STOPPED else WANTED
        announce = Announce(
            self._info_hash, self._peer_id, self._port, uploaded, downloaded, left, self._asking, wanted
        )
        return AnnounceEffect(self.url, announce_url(self.url, announce))

    def replied(self, data: bytes, now: float) -> tuple[Address, ...]:
        """The tracker's answer came; returns the peers in it. Raises ProtocolError, and then tries again later."""
        try:
            reply = decode_reply(data)
        except ProtocolError:
            self.failed(now)
            raise
        self._asking = None
        self._retry_s = FIRST_RETRY_S
        self._known.update(reply.peers)
        if self._waiting_event is None:
            self._next_at = now + (reply.interval if self._known else min(reply.interval, LONELY_S))
        return reply.peers

    def failed(self, now: float) -> None:
        """The tracker did not answer, or nothing sensible."""
        if self._waiting_event is None:
            self._waiting_event = self._asking
        self._asking = None
        self._next_at = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, MAX_RETRY_S)
