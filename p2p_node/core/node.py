"""A peer as a whole, sans-IO: a swarm, what finds its peers, and what dials them.

A shell (or a simulation) feeds inputs, then performs `take_effects()` in order, and calls `tick` at `timer`. That is
the whole contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from p2p_node.boundary import Close, ConnectionId, Dial, Effect, Upload
from p2p_node.core.dialer import Dialer
from p2p_node.core.swarm import Swarm, SwarmSettings
from p2p_node.discovery.tracker import TrackerClient
from p2p_node.wire.announce import Address, Event
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Message
from p2p_node.wire.metainfo import Metainfo


@dataclass(frozen=True, slots=True)
class Tally:
    """What a node has moved so far, in payload bytes; `served` says how many verified bytes each peer sent."""

    downloaded: int
    uploaded: int
    wasted: int
    hash_failures: int
    left: int
    served: dict[Address, int]


class Node:
    """One torrent's peer. Every input takes `now`, seconds of one monotonic clock."""

    def __init__(
        self,
        metainfo: Metainfo,
        peer_id: bytes,
        own: Address,
        have: int,
        settings: SwarmSettings,
        rng: Random,
        now: float,
    ) -> None:
        self.metainfo = metainfo
        self.swarm = Swarm(metainfo, peer_id, own, have, settings, rng, now)
        self._settings = settings
        self._dialer = Dialer(own)
        self._trackers = [TrackerClient(url, metainfo.info_hash, peer_id, own[1]) for url in metainfo.trackers]
        self._unproven: dict[ConnectionId, Address] = {}
        """Connections dialled that have not shaken hands: a peer that just closes them may take another later."""
        self._effects: list[Effect] = []

    @property
    def complete(self) -> bool:
        """Whether every piece is verified."""
        return self.swarm.complete

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        timers = [tracker.timer for tracker in self._trackers]
        timers.append(None if self.complete else self._dialer.timer())
        return min([self.swarm.timer, *(timer for timer in timers if timer is not None)])

    def tally(self) -> Tally:
        """What was moved so far."""
        downloader = self.swarm.downloader
        return Tally(
            downloaded=sum(downloader.served.values()),
            uploaded=self.swarm.uploader.uploaded,
            wasted=downloader.wasted,
            hash_failures=downloader.hash_failures,
            left=downloader.picker.left,
            served=dict(downloader.served),
        )

    def take_effects(self) -> list[Effect]:
        """What is to be done now, in order; taken once."""
        effects, self._effects = self._effects, []
        effects += self.swarm.effects
        self.swarm.effects.clear()
        return effects

    # Inputs

    def learn(self, addresses: Iterable[Address], now: float) -> None:
        """Peers of the swarm were found somewhere."""
        self._dialer.learn(addresses)
        self._dial(now)

    def connected(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        """A connection is established."""
        if outgoing:
            self._unproven[connection] = address
        elif len(self.swarm.connections) >= self._settings.max_connections:
            self._effects.append(Close(connection, "too many connections"))
            return
        self.swarm.connected(connection, address, outgoing, now)

    def dial_failed(self, address: Address, now: float) -> None:
        """A `Dial` came to nothing."""
        self._dialer.failed(address, now)

    def disconnected(self, connection: ConnectionId, now: float) -> None:
        """A connection ended; also the answer to `Close`."""
        if (address := self._unproven.pop(connection, None)) is not None:
            self._dialer.failed(address, now)
        self.swarm.disconnected(connection, now)
        self._dial(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        if (address := self._unproven.pop(connection, None)) is not None:
            self._dialer.succeeded(address)
        if connection in self.swarm.connections:
            self.swarm.shaken_hands(connection, handshake, now)

    def received(self, connection: ConnectionId, batch: Sequence[Message], now: float) -> None:
        """Messages came."""
        self.swarm.received(connection, batch, now)
        if found := self.swarm.extensions.take_found():
            self.learn(found, now)

    def piece_verified(self, piece: int, right: bool, now: float) -> None:
        """The outcome of a `Verify`."""
        self.swarm.piece_verified(piece, right, now)
        if right and self.complete:
            for tracker in self._trackers:
                tracker.happened(Event.COMPLETED, now)
            self._announce(now)

    def next_upload(self, most: int, now: float) -> Upload | None:
        """The next blocks to send, at most `most` bytes unless one is longer; None when nothing waits or the link is
        busy. Answer with `drained` when the socket has taken them, then ask again."""
        return self.swarm.next_upload(most, now)

    def drained(self, connection: ConnectionId, now: float) -> None:
        """The socket has taken what `next_upload` gave for this connection."""
        self.swarm.drained(connection, now)

    def announced(self, tracker: str, reply: bytes, now: float) -> None:
        """A tracker answered; raises ProtocolError when it refused or talked nonsense (it is asked again later)."""
        client = self._client(tracker)
        self.learn(client.replied(reply, now), now)

    def announce_failed(self, tracker: str, now: float) -> None:
        """A tracker could not be reached."""
        self._client(tracker).failed(now)

    def tick(self, now: float) -> None:
        """The timer came due; also the first input, to begin."""
        self.swarm.tick(now)
        self._announce(now)
        self._dial(now)

    def stop(self, now: float) -> None:
        """Say goodbye to the trackers; connections are ended by whoever holds them."""
        for tracker in self._trackers:
            tracker.happened(Event.STOPPED, now)
        self._announce(now)

    def _client(self, tracker: str) -> TrackerClient:
        for client in self._trackers:
            if client.url == tracker:
                return client
        raise ProtocolError(f"answer from unknown tracker {tracker}")

    def _announce(self, now: float) -> None:
        for tracker in self._trackers:
            tally = self.tally()
            effect = tracker.announce(tally.uploaded, tally.downloaded, tally.left, now)
            if effect is not None:
                self._effects.append(effect)

    def _dial(self, now: float) -> None:
        if self.complete:
            return
        connections = self.swarm.connections.values()
        room = self._settings.enough_connections - len(connections)
        connected = {peer.listen_address or peer.address for peer in connections}
        for address in self._dialer.next(connected, room, now):
            self._effects.append(Dial(address))
