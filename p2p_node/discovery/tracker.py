"""One tracker of a torrent, over HTTP or UDP: what it is asked, and what it was told already."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

from p2p_node.boundary import Announce as AnnounceEffect
from p2p_node.boundary import SendDatagram
from p2p_node.discovery.udp_client import UdpClient
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, AnnounceReply, Event, announce_url

WANTED = 50
"""Peers asked for: as many as a node keeps usefully connected."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who announces: the same to every tracker. `key` is a secret by which it is known when its address changes."""

    info_hash: bytes
    peer_id: bytes
    port: int
    key: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a peer has to report: bytes moved and missing, whether it finished its download in this run, and how many
    peers it is connected to."""

    uploaded: int = 0
    downloaded: int = 0
    left: int = 0
    finished: bool = False
    connected: int = 0


def udp_address(url: str) -> Address | None:
    """Host and port of a UDP tracker; None for any other URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return (parts.hostname, port) if parts.scheme == "udp" and parts.hostname and port else None


def is_http(url: str) -> bool:
    """Whether this is the URL of an HTTP tracker."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Tracker:
    """Asked one thing at a time; `asked_at` is when, None while nothing is. `heard` says whether it ever answered."""

    def __init__(self, url: str, identity: Identity, rng: Random) -> None:
        self.url = url
        self.address = udp_address(url)
        self.asked_at: float | None = None
        self.asked = Event.REGULAR
        self.heard = False
        self.told_completed = False
        self.udp = UdpClient(rng)
        self._identity = identity
        self._id = b""

    def ask(self, standing: Standing, stopping: bool, now: float) -> list[AnnounceEffect | SendDatagram]:
        """Announce to it; the effects that do so."""
        self.asked_at = now
        self.asked = self._event(standing, stopping)
        announce = Announce(
            self._identity.info_hash,
            self._identity.peer_id,
            self._identity.port,
            standing.uploaded,
            standing.downloaded,
            standing.left,
            self.asked,
            0 if stopping else WANTED,
            self._identity.key,
            self._id,
        )
        if self.address is None:
            return [AnnounceEffect(self.url, announce_url(self.url, announce))]
        self.udp.ask(announce, now)
        return self.take_datagrams()

    def take_datagrams(self) -> list[AnnounceEffect | SendDatagram]:
        """What is to be sent over UDP; taken once."""
        datagrams, self.udp.outgoing = self.udp.outgoing, []
        return [SendDatagram(self.address, data) for data in datagrams] if self.address is not None else []

    def answered(self, reply: AnnounceReply) -> None:
        """It answered, so what it was told counts."""
        self.heard = True
        self.told_completed = self.told_completed or self.asked is Event.COMPLETED
        self.asked_at = None
        self._id = reply.tracker_id or self._id

    def abandon(self) -> None:
        """Wait for its answer no longer."""
        self.asked_at = None
        self.udp.abandon()

    def _event(self, standing: Standing, stopping: bool) -> Event:
        if stopping:
            return Event.STOPPED
        if standing.finished and not self.told_completed:
            return Event.COMPLETED
        return Event.REGULAR if self.heard else Event.STARTED
