"""Real cores over a fake network: connections, frames, blocks and trackers in virtual time, from one seed.

Not a model of links – each upload takes `block_s`, every message `delay_s` – but the cores are the ones that are
shipped, and every byte passes through the wire's encoding.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from random import Random
from urllib.parse import urlsplit

from p2p_node import boundary
from p2p_node.core.metadata_node import MetadataNode
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.discovery.registry import Registry
from p2p_node.discovery.udp_server import UdpServer
from p2p_node.wire import merkle
from p2p_node.wire.announce import Address, decode_announce, encode_reply
from p2p_node.wire.frames import decode_frames
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import BLOCK, Message, Piece, Requests, encode
from p2p_node.wire.metainfo import Metainfo, decode_info, decode_metainfo, encode_metainfo
from tests.web import WebServer

TRACKER = "http://tracker/announce"


def make_torrent(content: bytes, piece_length: int, trackers: tuple[str, ...] = (TRACKER,)) -> Metainfo:
    """The metainfo of `content`, tracked by the network's tracker."""
    pieces = (content[at : at + piece_length] for at in range(0, len(content), piece_length))
    digests = [hashlib.sha1(piece).digest() for piece in pieces]
    metainfo = decode_metainfo(encode_metainfo("item", len(content), piece_length, digests, None))
    return replace(metainfo, trackers=tuple((url,) for url in trackers))


class FakePeer:
    """Performs one node's effects in the network."""

    def __init__(
        self,
        network: Network,
        index: int,
        content: bytes | None,
        block_s: float,
        lies: bool,
        magnet: Magnet | None,
    ) -> None:
        self.network = network
        self.address: Address = (f"10.0.{index >> 8}.{index & 255}", 6881)
        self.content = bytearray(content or bytes(network.metainfo.layout.end))
        self.block_s = block_s
        self.lies = lies
        self.lies_about: Callable[[Requests], bool] = lambda _: True
        self.links: dict[int, tuple[FakePeer, int]] = {}
        self.closed: list[str] = []
        self.notices: list[str] = []
        self.completed_at: float | None = None
        self.sent_blocks: list[tuple[int, int]] = []
        self.gone = False
        self.cancelled_ranges: set[int] = set()
        self._buffers: dict[int, bytearray] = {}
        self._next_link = count(1)
        self._busy = False
        self._timer_at = float("inf")
        self._peer_id = b"-SB0100-%012d" % index
        self._rng = Random(network.rng.random())
        self.learned: bytes | None = None
        self.node: Node | MetadataNode
        if magnet is not None:
            self.node = MetadataNode(magnet, self._peer_id, self.address, self._rng, network.now)
        else:
            self.node = self._join(network.metainfo, content is not None)

    def _join(self, metainfo: Metainfo, complete: bool) -> Node:
        self.metainfo = metainfo
        have = (1 << metainfo.piece_count) - 1 if complete else 0
        settings, now = self.network.settings, self.network.now
        return Node(metainfo, self._peer_id, self.address, have, settings, self._rng, now)

    def _learn(self, raw_info: bytes) -> None:
        """Go on with the torrent that peers told: new connections, and the addresses of those that are left."""
        assert isinstance(self.node, MetadataNode)
        self.learned = raw_info
        known = self.node.known
        for number in list(self.links):
            self.unlink(number)
        self.node = self._join(decode_info(raw_info, self.network.metainfo.trackers), False)
        self.node.learn(known, self.network.now)
        self.start()

    def start(self) -> None:
        self.node.tick(self.network.now)
        self.perform()

    def die(self) -> None:
        """End abruptly: every connection is reset, nobody is told."""
        self.gone = True
        for number in list(self.links):
            self.unlink(number)

    def perform(self) -> None:
        for effect in self.node.take_effects():
            if not self.gone:
                self._perform(effect)
        if self.node.timer < self._timer_at:
            self._timer_at = self.node.timer
            self.network.at(max(self._timer_at, self.network.now), self._tick)

    def link(self, other: FakePeer, outgoing: bool, number: int) -> None:
        self.node.connected(number, other.address, outgoing, self.network.now)
        self.perform()

    def new_link(self) -> int:
        return next(self._next_link)

    def unlink(self, number: int) -> None:
        pair = self.links.pop(number, None)
        if pair is not None:
            other, theirs = pair
            self.node.disconnected(number, self.network.now)
            self.perform()
            self.network.at(self.network.now + self.network.delay_s, lambda: other.unlink(theirs))

    def deliver(self, number: int, data: bytes) -> None:
        if number not in self.links or self.gone:
            return
        if data[:1] == b"\x13":
            self.node.shaken_hands(number, Handshake.decode(data), self.network.now)
        else:
            messages, used = decode_frames(memoryview(data))
            assert used == len(data)
            self.node.received(number, messages, self.network.now)
        self.perform()

    def range_received(self, number: int, data: bytes) -> None:
        self.node.range_received(number, data, self.network.now)
        self.perform()

    def range_failed(self, number: int, wish: float | None, for_good: bool) -> None:
        self.node.range_failed(number, wish, for_good, self.network.now)
        self.perform()

    def receive_datagram(self, data: bytes) -> None:
        if not self.gone:
            self.node.datagram_received(("10.255.0.1", 6969), data, self.network.now)
            self.perform()

    def _tick(self) -> None:
        if self.gone:
            return
        self._timer_at = float("inf")
        self.node.tick(self.network.now)
        assert self.node.timer > self.network.now, "a timer that is due again at once keeps a processor busy for ever"
        self.perform()

    def _perform(self, effect: boundary.Effect) -> None:
        network = self.network
        match effect:
            case boundary.Send(connection, message):
                self.send(connection, message)
            case boundary.Serve():
                self._serve()
            case boundary.Close(connection, reason):
                self.closed.append(reason)
                self.unlink(connection)
            case boundary.Store(piece, begin, blocks):
                buffer = self._buffers.setdefault(piece, bytearray(network.metainfo.piece_size(piece)))
                data = b"".join(blocks)
                buffer[begin : begin + len(data)] = data
            case boundary.Verify(piece):
                network.at(network.now + network.hash_s, lambda: self._verify(piece))
            case boundary.Discard(piece):
                self._buffers.pop(piece, None)
            case boundary.HashLeaves(pieces):
                network.at(network.now + network.hash_s, lambda: self._hash_leaves(pieces))
            case boundary.Dial(address):
                network.at(network.now + network.delay_s, lambda: network.connect(self, address))
            case boundary.Announce(tracker, url):
                network.at(network.now + network.delay_s, lambda: network.announce(self, tracker, url))
            case boundary.FetchRange(url=url):
                network.web_servers[url].serve(self, effect)
            case boundary.CancelRange(number):
                self.cancelled_ranges.add(number)
            case boundary.SendDatagram(_, data):
                network.at(network.now + network.delay_s, lambda: network.datagram(self, data))
            case boundary.Notice(text):
                self.notices.append(text)
            case boundary.Learned(raw_info):
                self._learn(raw_info)
            case boundary.Complete():
                self.completed_at = network.now

    def send(self, number: int, message: Handshake | Message) -> None:
        if number in self.links:
            other, theirs = self.links[number]
            data = message.encode() if isinstance(message, Handshake) else encode(message)
            self.network.at(self.network.now + self.network.delay_s, lambda: other.deliver(theirs, data))

    def _verify(self, piece: int) -> None:
        data = self._buffers[piece]
        right = self.metainfo.is_right(piece, data)
        if right:
            del self._buffers[piece]
            start = piece * self.network.metainfo.piece_length
            self.content[start : start + len(data)] = data
        assert isinstance(self.node, Node)
        self.node.piece_verified(piece, right, self.network.now)
        self.perform()

    def _hash_leaves(self, pieces: range) -> None:
        found: list[bytes] = []
        for piece in pieces:
            start, size = self.metainfo.offset(piece), self.metainfo.piece_size(piece)
            found += merkle.leaves(self._buffers.get(piece) or self.content[start : start + size])
        assert isinstance(self.node, Node)
        self.node.leaves_hashed(found, self.network.now)
        self.perform()

    def _serve(self) -> None:
        if self._busy or self.gone or (upload := self.node.next_upload(BLOCK, self.network.now)) is None:
            return
        request = upload.requests
        self.sent_blocks.append((request.piece, request.begin))
        start = request.piece * self.network.metainfo.piece_length + request.begin
        data = bytes(self.content[start : start + request.length])
        if self.lies and self.lies_about(request):
            data = bytes(len(data))
        self._busy = True
        self.network.at(self.network.now + self.block_s, partial(self._sent, upload.connection, request, data))

    def _sent(self, number: int, request: Requests, data: bytes) -> None:
        self._busy = False
        if self.gone:
            return
        self.node.drained(number, self.network.now)
        self.send(number, Piece(request.piece, request.begin, data))
        self._serve()


class Network:
    """The peers, the tracker and the clock."""

    def __init__(
        self,
        content: bytes,
        piece_length: int,
        seed: int = 0,
        settings: SwarmSettings | None = None,
        trackers: tuple[str, ...] = (TRACKER,),
        metainfo: Metainfo | None = None,
    ) -> None:
        self.content = content
        self.metainfo = metainfo or make_torrent(content, piece_length, trackers)
        self.settings = settings or SwarmSettings()
        self.rng = Random(seed)
        self.now = 0.0
        self.delay_s = 0.001
        self.hash_s = 0.0005
        self.peers: list[FakePeer] = []
        self.web_servers: dict[str, WebServer] = {}
        self.registry = Registry(60.0, Random(seed))
        self.udp_tracker = UdpServer(self.registry, b"secret")
        self.datagram_lost: Callable[[], bool] = lambda: False
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def add(
        self,
        content: bytes | None = None,
        block_s: float = 0.01,
        lies: bool = False,
        magnet: Magnet | None = None,
    ) -> FakePeer:
        peer = FakePeer(self, len(self.peers), content, block_s, lies, magnet)
        self.peers.append(peer)
        return peer

    def add_web_server(self, chunk_s: float = 0.01, lies: bool = False, hangs: bool = False) -> WebServer:
        """A web seed of the torrent; to be added before the peers."""
        url = f"http://web{len(self.web_servers)}/item"
        self.web_servers[url] = WebServer(self, chunk_s, lies, hangs)
        self.metainfo = replace(self.metainfo, web_seeds=tuple(self.web_servers))
        return self.web_servers[url]

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), action))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        while self._events and not done():
            if self._events[0][0] > until:
                return
            self.now, _, action = heapq.heappop(self._events)
            action()

    def connect(self, peer: FakePeer, address: Address) -> None:
        other = next((other for other in self.peers if other.address == address and not other.gone), None)
        if other is None or peer.gone:
            peer.node.dial_failed(address, self.now)
            peer.perform()
            return
        mine, theirs = peer.new_link(), other.new_link()
        peer.links[mine] = (other, theirs)
        other.links[theirs] = (peer, mine)
        other.link(peer, False, theirs)
        peer.link(other, True, mine)

    def kill_when_complete(self, peers: list[FakePeer]) -> None:
        """Let each of these peers die as soon as it has everything."""
        for peer in peers:
            if peer.completed_at is not None and not peer.gone:
                peer.die()
        self.at(self.now + 0.05, lambda: self.kill_when_complete(peers))

    def announce(self, peer: FakePeer, tracker: str, url: str) -> None:
        if peer.gone:
            return
        reply = self.registry.announce(decode_announce(urlsplit(url).query), peer.address[0], self.now)
        peer.node.announced(tracker, encode_reply(reply), self.now)
        peer.perform()

    def datagram(self, peer: FakePeer, data: bytes) -> None:
        """A datagram reaches the tracker, and its answer the peer, unless either is lost."""
        answer = None if self.datagram_lost() else self.udp_tracker.answer(data, peer.address, self.now)
        if answer is not None and not self.datagram_lost():
            self.at(self.now + self.delay_s, lambda: peer.receive_datagram(answer))
