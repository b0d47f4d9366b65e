"""A peer on real sockets: performs the core's effects and feeds it what happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from random import Random

from p2p_node import boundary
from p2p_node.boundary import ConnectionId
from p2p_node.core.metadata_node import MetadataNode
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.discovery.families import DHT
from p2p_node.shell.alarm import Alarm
from p2p_node.shell.announcing import Announcing
from p2p_node.shell.connection import PeerConnection, Traffic
from p2p_node.shell.datagrams import DatagramSocket
from p2p_node.shell.dht_ports import DhtPorts
from p2p_node.shell.dialing import Dialing
from p2p_node.shell.discovering import Discovering, Overlay
from p2p_node.shell.downlink import Downlink
from p2p_node.shell.errors import NodeError, describe
from p2p_node.shell.intake import Intake
from p2p_node.shell.landing import Landing
from p2p_node.shell.progress import Progress
from p2p_node.shell.storage import Storage
from p2p_node.shell.throttle import TokenBucket
from p2p_node.shell.uplink import Uplink
from p2p_node.shell.web_ranges import WebRanges
from p2p_node.wire.announce import Address
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import Message, encode
from p2p_node.wire.metainfo import Metainfo

log = logging.getLogger("p2p_node")

PEER_ID_PREFIX = b"-SB0100-"
FAREWELL_S = 2.0
"""How long a leaving peer waits for trackers to take note."""

PORTS_TRIED = 8
"""Free ports taken in turn until one is free for both TCP and UDP."""

BACKLOG = 1024
"""Connections that wait to be taken in: whom the kernel has no room for dials again only a second later."""


class Peer:
    """Listens on one address from the start; joins a swarm with `join`, after `seek` when only a magnet link is
    known."""

    def __init__(
        self,
        hasher: Executor,
        upload_rate: float | None = None,
        download_rate: float | None = None,
        overlay: Overlay | None = None,
    ) -> None:
        self.address: Address = ("", 0)
        self.node: Node | MetadataNode | None = None
        self.raw_info: bytes | None = None
        """The info dictionary that `seek` asked for, once it is here."""
        self.progress = Progress()
        self.traffic = Traffic()
        self._peer_id = PEER_ID_PREFIX + os.urandom(12)
        self._loop = asyncio.get_running_loop()
        self._hasher = hasher
        self._upload_rate = TokenBucket(upload_rate) if upload_rate else None
        self._uplink: Uplink | None = None
        self._intake: Intake | None = None
        self._ranges: WebRanges | None = None
        self._downlink = Downlink(download_rate) if download_rate else None
        self._storage: Storage | None = None
        self._connections: dict[ConnectionId, PeerConnection] = {}
        self._last_number = 0
        self._server: asyncio.Server | None = None
        self._announcing: Announcing | None = None
        self._overlay = overlay
        self._discovering: Discovering | None = None
        self._dht_ports: DhtPorts | None = None
        self._datagrams = DatagramSocket(self.feed, self._claim)
        self._listed = asyncio.Event()
        self._parted: asyncio.Event | None = None
        """Set when every tracker has heard the goodbye; None until it is said."""
        self._dialing: Dialing | None = None
        self._alarm = Alarm(self._tick)
        self._performers = self._effect_table()

    # What a person or the control API does

    async def listen(self, host: str, port: int) -> None:
        """Take incoming connections on this address; port 0 takes any free one. Raises NodeError."""
        for attempt in range(PORTS_TRIED):
            try:
                self._server = await self._loop.create_server(
                    lambda: self._new_connection(False), host, port, backlog=BACKLOG
                )
            except OSError as error:
                raise describe(error, f"listen on {host}:{port}") from None
            self.address = self._server.sockets[0].getsockname()[:2]
            try:
                await self._datagrams.listen(host, self.address[1])
                break
            except NodeError:
                self._server.close()
                if port or attempt == PORTS_TRIED - 1:
                    raise
        self._announcing = Announcing(self.address[0], self.feed)
        self._dialing = Dialing(self.address[0], lambda: self._new_connection(True), self.feed)
        if self._overlay is not None:
            self._discovering = Discovering(self._overlay, self.address, self._datagrams.send, self._found)
            self._performers |= self._discovering.performers
            if self._overlay.family == DHT:
                self._dht_ports = DhtPorts(self.address[1], self._discovering.meet)

    def seek(self, magnet: Magnet) -> None:
        """Look for the metadata of this torrent among its peers."""
        rng = Random(self._peer_id)
        self.node = MetadataNode(magnet, self._peer_id, self.address, rng, self._loop.time())
        self.node.tick(self._loop.time())
        self._perform()

    def join(self, metainfo: Metainfo, storage: Storage, have: int, settings: SwarmSettings) -> None:
        """Enter the swarm of this torrent, holding the pieces in `have`. Raises NodeError when it has left."""
        self.progress.check()
        known = self.node.known if isinstance(self.node, MetadataNode) else ()
        self.node = None
        for connection in list(self._connections.values()):
            connection.close()  # many clients take one connection a host
        self._connections.clear()
        rng = Random(self._peer_id)
        self._storage = storage
        self.node = Node(metainfo, self._peer_id, self.address, have, settings, rng, self._loop.time())
        self._intake = Intake(self.node, storage, self._hasher, self.feed, self.progress, self._fail)
        self._ranges = WebRanges(self.node, self)
        self._performers |= {**self._intake.performers, **self._ranges.performers}
        self._uplink = Uplink(self.node, storage, self._connections, self._upload_rate, self._fail)
        self.node.learn(known, self._loop.time())
        self.node.tick(self._loop.time())
        self._perform()

    async def joined(self) -> None:
        """Wait until this host is part of the overlay it was to join, if any, but not for long."""
        if self._discovering is not None:
            await self._discovering.joined()

    async def listed(self, patience: float) -> None:
        """Wait until others can find this peer by a tracker, at most `patience` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._listed.wait(), patience)

    async def leave(self, abrupt: bool = False) -> None:
        """End: gracefully with a goodbye to the trackers, or abruptly with every connection reset. A download that is
        not complete has failed."""
        if not self.progress.ended:
            self.progress.fail(NodeError("the peer left before the download was complete"))
        if self._server is not None:
            self._server.close()
        if self.node is not None and not abrupt:
            self._parted = asyncio.Event()
            self.node.stop(self._loop.time())
            self._perform()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._parted.wait(), FAREWELL_S)
        for connection in list(self._connections.values()):
            connection.close(abrupt)
        self._alarm.stop()
        if self._dialing is not None:
            await self._dialing.close()
        self.node = None
        if self._intake is not None:
            await self._intake.settle()
        if self._uplink is not None:
            self._uplink.stop()
        if self._ranges is not None:
            await self._ranges.close()
        if self._discovering is not None:
            self._discovering.leave()
        self._datagrams.close()
        if self._announcing is not None:
            await self._announcing.close()
        if self._storage is not None:
            self._storage.close()

    @property
    def discovers(self) -> bool:
        """Whether this host can find peers that nobody named."""
        return self._overlay is not None

    @property
    def connection_count(self) -> int:
        """Open connections."""
        return len(self._connections)

    # What connections report

    def connection_made(self, connection: PeerConnection, address: Address, outgoing: bool) -> None:
        """A socket is connected."""
        if self.node is None:
            connection.close()
            return
        self.progress.met_another()
        self._connections[connection.number] = connection
        self.node.connected(connection.number, address, outgoing, self._loop.time())
        self._perform()

    def connection_lost(self, connection: PeerConnection) -> None:
        """A socket is closed, by the other end or because it broke."""
        if connection.number in self._connections:
            log.info("%s:%d lost the connection to %s:%d", *self.address, *connection.address)
            self._forget(connection)

    def _forget(self, connection: PeerConnection) -> None:
        if self._connections.pop(connection.number, None) is not None and self.node is not None:
            if self._uplink is not None:
                self._uplink.left(connection)
            self.node.disconnected(connection.number, self._loop.time())
            self._perform()

    def handshake(self, connection: PeerConnection, shake: Handshake) -> None:
        """A peer said who it is."""
        if self.node is not None:
            self.node.shaken_hands(connection.number, shake, self._loop.time())
            self._perform()
            if self._dht_ports is not None and (greeting := self._dht_ports.greeting(shake)):
                self._write({connection.number: [greeting]})

    def messages(self, connection: PeerConnection, messages: list[Message], received: int) -> None:
        """A peer said something."""
        if self.node is None:
            return
        if self._downlink is not None:
            self._downlink.received(connection, received)
        if self._dht_ports is not None:
            self._dht_ports.heard(connection.address, messages)
        self.node.received(connection.number, messages, self._loop.time())
        self._perform()

    def land(self, connection: PeerConnection, piece: int, begin: int, size: int) -> Landing | None:
        """A run of blocks begins to come: where to receive it, if it is wanted; ends with `landed`."""
        if not isinstance(self.node, Node) or self._storage is None:
            return None
        expected = self.node.expects(connection.number, piece, begin, size)
        return self._storage.land(piece, begin, size) if expected else None

    def landed(self, landing: Landing) -> None:
        """A run is here, or will never be."""
        if self._storage is not None:
            self._storage.landed(landing)

    def misbehaved(self, connection: PeerConnection, reason: str) -> None:
        """A peer sent what is no protocol."""
        self._close(boundary.Close(connection.number, reason))

    def take_download(self, received: int) -> float:
        """Bytes came; returns the seconds until more may come by the download rate."""
        return self._downlink.take(received) if self._downlink is not None else 0.0

    def drained(self, connection: PeerConnection) -> None:
        """A socket has taken everything."""
        if self._uplink is not None:
            self._uplink.drained(connection)

    def feed(self, give: Callable[[Node | MetadataNode, float], None]) -> None:
        """Give the node an input, if there is a node, and perform what follows."""
        if self.node is not None:
            give(self.node, self._loop.time())
            self._perform()

    # Effects

    def _effect_table(self) -> dict[type, Callable[..., None]]:
        return {
            boundary.Dial: self._dial,
            boundary.Announce: self._announce,
            boundary.SendDatagram: self._datagrams.send,
            boundary.Seek: _ignore,
            boundary.Provide: _ignore,
            boundary.Withdraw: _ignore,
            boundary.Notice: self._notice,
            boundary.Complete: self._complete,
            boundary.Learned: self._learned,
        }

    def _perform(self) -> None:
        if self.node is None:
            return
        outgoing: dict[ConnectionId, list[bytes]] = {}
        closes: list[boundary.Close] = []
        serve = False
        for effect in self.node.take_effects():
            if isinstance(effect, boundary.Send):
                message = effect.message
                frame = self._introduce(message) if isinstance(message, Handshake) else encode(message)
                outgoing.setdefault(effect.connection, []).append(frame)
            elif isinstance(effect, boundary.Serve):
                serve = True
            elif isinstance(effect, boundary.Close):
                closes.append(effect)  # what was said before goes out before
            else:
                self._performers[type(effect)](effect)
        self._write(outgoing)
        for close in closes:
            self._close(close)
        if serve and self._uplink is not None:
            self._uplink.serve()
        if not self._listed.is_set() and isinstance(self.node, Node) and self.node.listed:
            self._listed.set()
        if self._parted is not None and self.node.parted:
            self._parted.set()
        self._alarm.set(self.node.timer)

    def _introduce(self, shake: Handshake) -> bytes:
        return (shake if self._dht_ports is None else self._dht_ports.introduction(shake)).encode()

    def _write(self, outgoing: dict[ConnectionId, list[bytes]]) -> None:
        for number, frames in outgoing.items():
            connection = self._connections.get(number)
            if connection is not None:
                connection.write(b"".join(frames))

    def _close(self, effect: boundary.Close) -> None:
        connection = self._connections.get(effect.connection)
        if connection is not None:
            log.info("%s:%d closes the connection to %s:%d: %s", *self.address, *connection.address, effect.reason)
            connection.close()
            self._forget(connection)

    def _complete(self, _effect: boundary.Complete) -> None:
        self.progress.completed()

    def _learned(self, effect: boundary.Learned) -> None:
        self.raw_info = effect.raw_info
        self.progress.learned()

    def _dial(self, effect: boundary.Dial) -> None:
        assert self._dialing is not None
        self.progress.met_another()
        self._dialing.dial(effect)

    def _announce(self, effect: boundary.Announce) -> None:
        assert self._announcing is not None
        self._announcing.announce(effect)

    def _notice(self, effect: boundary.Notice) -> None:
        log.warning("%s:%d: %s", *self.address, effect.text)

    # Small parts

    def _claim(self, source: Address, data: bytes) -> bool:
        return self._discovering is not None and self._discovering.datagram_received(source, data)

    def _found(self, peers: Sequence[Address]) -> None:
        self.feed(lambda node, now: node.learn(peers, now))

    def _new_connection(self, outgoing: bool) -> PeerConnection:
        self._last_number += 1
        return PeerConnection(self, self._last_number, outgoing)

    def _tick(self) -> None:
        if self.node is not None:
            self.node.tick(self._loop.time())
            self._perform()

    def _fail(self, error: BaseException) -> None:
        log.error("%s:%d: %s", *self.address, error)
        self.progress.fail(error if isinstance(error, NodeError) else NodeError(str(error)))


def _ignore(_effect: boundary.Effect) -> None:
    """What a host without a discovery does about lookups."""
