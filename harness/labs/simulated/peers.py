"""A peer in the simulated network: performs the effects of the unchanged core and feeds it what happens.

The rule: what `p2p_node.shell.peer` does over real sockets is done here over simulated ones, step by step, and nothing
else. That is what makes a simulation say something about the program that is shipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from harness.labs.simulated.alarms import Alarm
from harness.labs.simulated.disks import Disk
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.overlays import Membership, Overlay
from harness.labs.simulated.sizes import encoded_size
from harness.labs.simulated.streams import Stream
from harness.labs.simulated.trackers import Inquiry
from harness.labs.simulated.uploads import Lies, Uploads
from p2p_node import boundary
from p2p_node.boundary import Close, ConnectionId, Send, Serve
from p2p_node.core.metadata_node import MetadataNode
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.discovery.families import DHT
from p2p_node.wire import messages as wire
from p2p_node.wire.address import Address, canonical_host
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metainfo import Metainfo, Trackers, decode_info

PEER_ID_PREFIX = b"-SB0100-"
PORT = 6881
FAREWELL_S = 2.0
"""How long a leaving peer waits for trackers to take note."""


class Peer:
    """Listens on one port of its host from the start; joins a swarm with `join`, or `seek`s it by a magnet link.

    Times are virtual seconds. `changed` is called whenever a byte was first received, a piece verified, or everything.
    """

    def __init__(
        self,
        host: Host,
        rng: Random,
        *,
        port: int = PORT,
        overlay: Overlay | None = None,
        lies: Lies | None = None,
        grain: int = 1,
        changed: Callable[[Peer], None] | None = None,
    ) -> None:
        self.host = host
        self.address: Address = (host.address, port)
        self.node: Node | MetadataNode | None = None
        self.first_peer_at: float | None = None
        self.first_byte_at: float | None = None
        self.completed_at: float | None = None
        self.failed: str | None = None
        """Why this peer can go on no more."""
        self.closed: list[str] = []
        """Why it closed connections."""
        self.left = False
        self.disk = Disk(host.network.clock, self._verified, self._fail)
        self._clock = host.network.clock
        self._rng = rng
        self._peer_id = PEER_ID_PREFIX + rng.randbytes(12)
        self._lies = lies
        self._grain = grain
        self._uploads: Uploads | None = None
        self._changed = changed
        self._streams: dict[ConnectionId, Stream] = {}
        self._strangers: set[ConnectionId] = set()
        """Connections on which the other end has not shaken hands."""
        self._settings = SwarmSettings()
        self._trackers: Trackers = ()
        self._alarm = Alarm(host, self._tick)
        self._names_dht = overlay is not None and overlay.family == DHT
        host.accepts[port] = self._accept
        host.hears[port] = self._hear
        self.overlay = Membership(overlay, host, port, rng, self._found) if overlay is not None else None

    # What a person or the demand does

    def join(self, metainfo: Metainfo, *, complete: bool = False, settings: SwarmSettings | None = None) -> None:
        """Enter the swarm of this torrent, with all of its pieces or none."""
        self.enter(metainfo, (1 << metainfo.piece_count) - 1 if complete else 0, settings)

    def enter(self, metainfo: Metainfo, have: int, settings: SwarmSettings | None = None) -> None:
        """Enter the swarm of this torrent, holding the pieces in `have` (see `p2p_node.core.bits`)."""
        known = self.node.known if isinstance(self.node, MetadataNode) else ()
        self.node = None
        for stream in list(self._streams.values()):
            stream.close()
        self._streams.clear()
        self._strangers.clear()
        now = self._clock.now
        settings = settings or self._settings
        self.node = Node(metainfo, self._peer_id, self.address, have, settings, Random(self._peer_id), now)
        self._uploads = Uploads(self.node, self._clock, self._streams, self.disk, self._lies, self._fail, self._grain)
        self.node.learn(known, now)
        self.node.tick(now)
        self._perform()

    def seek(self, magnet: Magnet, settings: SwarmSettings | None = None) -> None:
        """Look for the metadata of this torrent among its peers, and then join its swarm."""
        self._settings = settings or self._settings
        self._trackers = tuple((url,) for url in magnet.trackers)
        now = self._clock.now
        self.node = MetadataNode(magnet, self._peer_id, self.address, Random(self._peer_id), now)
        self.node.tick(now)
        self._perform()

    def leave(self, *, abrupt: bool = False) -> None:
        """End: with a goodbye to trackers and neighbours, or abruptly, with every connection reset."""
        self.host.accepts.pop(self.address[1], None)
        if self.node is None or abrupt:
            self._end(abrupt)
            return
        self.node.stop(self._clock.now)
        self.left = True
        self._clock.at(self._clock.now + FAREWELL_S, self.host.do, self._end, False)
        self._perform()

    @property
    def complete(self) -> bool:
        """Whether it has everything."""
        return isinstance(self.node, Node) and self.node.complete

    @property
    def joined(self) -> bool:
        """Whether its host is part of its overlay, if there is one."""
        return self.overlay is None or self.overlay.joined

    @property
    def connection_count(self) -> int:
        """Open connections."""
        return len(self._streams)

    # What streams report

    def received(self, stream: Stream, payload: Sequence[Handshake | wire.Message], _size: int) -> None:
        """A peer said something."""
        if self.node is None:
            return
        number, now = stream.number, self._clock.now
        if number in self._strangers:
            shake = payload[0]
            assert isinstance(shake, Handshake)
            self._strangers.discard(number)
            self.node.shaken_hands(number, shake, now)
            self._perform()
            if self._names_dht and shake.dht and stream.is_open:
                greeting = wire.Port(self.address[1])
                stream.write([greeting], encoded_size(greeting))
            payload = payload[1:]
            if not payload:
                return
        if self._names_dht:
            self._meet(stream.address, payload)
        if self.node is not None:
            self.node.received(number, payload, now)  # type: ignore[arg-type]  # a handshake is the first thing only
            self._perform()

    def lost(self, stream: Stream) -> None:
        """A connection ended, by the other end or because it broke."""
        self._forget(stream)

    # Inputs

    def _accept(self, stream: Stream) -> None:
        self._connected(stream, False)

    def _connected(self, stream: Stream, outgoing: bool) -> None:
        stream.owner = self
        if self.node is None:
            stream.close()
            return
        self._knows_another()
        self._streams[stream.number] = stream
        self._strangers.add(stream.number)
        self.node.connected(stream.number, stream.address, outgoing, self._clock.now)
        self._perform()

    def _forget(self, stream: Stream) -> None:
        self._strangers.discard(stream.number)
        if self._streams.pop(stream.number, None) is not None and self.node is not None:
            self.node.disconnected(stream.number, self._clock.now)
            self._perform()

    def _dial_failed(self, address: Address) -> None:
        if self.node is not None:
            self.node.dial_failed(address, self._clock.now)
            self._perform()

    def _announced(self, tracker: str, reply: bytes | None) -> None:
        if self.node is None:
            return
        if reply is None:
            self.node.announce_failed(tracker, self._clock.now)
        else:
            self.node.announced(tracker, reply, self._clock.now)
        self._perform()

    def _hear(self, source: Address, data: bytes) -> None:
        if self.overlay is not None and self.overlay.datagram_received(source, data):
            return
        if self.node is not None:
            self.node.datagram_received(source, data, self._clock.now)
            self._perform()

    def _datagram_failed(self, address: Address) -> None:
        if self.node is not None:
            self.node.datagram_failed(address, self._clock.now)
            self._perform()

    def _found(self, peers: Sequence[Address]) -> None:
        if self.node is not None:
            self.node.learn(peers, self._clock.now)
            self._perform()

    def _meet(self, address: Address, said: Sequence[Handshake | wire.Message]) -> None:
        for message in said:
            if isinstance(message, wire.Port) and message.port and self.overlay is not None:
                self.overlay.meet((address[0], message.port))

    def _verified(self, piece: int, is_right: bool) -> None:
        self.host.do(self._feed_verified, piece, is_right)

    def _feed_verified(self, piece: int, is_right: bool) -> None:
        if isinstance(self.node, Node):
            self.node.piece_verified(piece, is_right, self._clock.now)
            self._perform()
            self._tell()

    def _tick(self) -> None:
        if self.node is not None:
            self.node.tick(self._clock.now)
            self._perform()

    # Effects

    def _perform(self) -> None:
        node = self.node
        if node is None:
            return
        outgoing: dict[ConnectionId, list[Handshake | wire.Message]] = {}
        closes: list[Close] = []
        serve = False
        for effect in node.take_effects():
            if type(effect) is Send:
                outgoing.setdefault(effect.connection, []).append(effect.message)
            elif type(effect) is Serve:
                serve = True
            elif type(effect) is Close:
                closes.append(effect)  # what was said before goes out before
            else:
                self._do(effect)
        for number, messages in outgoing.items():
            self._write(number, messages)
        for close in closes:
            self._close(close)
        if serve and self._uploads is not None:
            self._uploads.serve()
        if self.node is not node:
            return
        if self.left and node.parted:
            self._end(False)
            return
        self._alarm.set(node.timer)

    def _do(self, effect: boundary.Effect) -> None:
        match effect:
            case boundary.Store(piece, begin, blocks):
                self.disk.store(piece, begin, blocks)
                if self.first_byte_at is None and blocks:
                    self.first_byte_at = self._clock.now
                    self._tell()
            case boundary.Verify(piece):
                assert isinstance(self.node, Node)
                self.disk.verify(piece, self.node.metainfo.piece_size(piece))
            case boundary.Discard(piece):
                self.disk.discard(piece)
            case boundary.Dial(address):
                self._knows_another()
                self.host.dial(address, self._dialled, lambda: self._dial_failed(address))
            case boundary.Announce(tracker, url):
                Inquiry(self.host, url, lambda reply: self._announced(tracker, reply))
            case boundary.SendDatagram(address, data):
                self._send_datagram(address, data)
            case boundary.HashLeaves():
                self._clock.soon(self.host.do, self._hash_leaves)
            case boundary.Seek() if self.overlay is not None:
                self.overlay.seek(effect)
            case boundary.Provide() if self.overlay is not None:
                self.overlay.provide(effect)
            case boundary.Withdraw() if self.overlay is not None:
                self.overlay.withdraw(effect)
            case boundary.FetchRange(number):
                self._clock.soon(self.host.do, self._no_web, number)
            case boundary.Complete():
                self.completed_at = self._clock.now
                self._tell()
            case boundary.Learned(raw_info):
                self._clock.soon(self.host.do, self._learned, raw_info)

    def _write(self, number: ConnectionId, messages: list[Handshake | wire.Message]) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        if self._names_dht and isinstance(messages[0], Handshake):
            messages[0] = _with_dht(messages[0])
        size = 0
        for message in messages:
            size += encoded_size(message)
        stream.write(messages, size)

    def _close(self, close: Close) -> None:
        stream = self._streams.get(close.connection)
        if stream is not None:
            self.closed.append(close.reason)
            stream.close()
            self._forget(stream)

    # Small parts

    def _dialled(self, stream: Stream) -> None:
        if self.node is None:
            stream.close()
        else:
            self._connected(stream, True)

    def _send_datagram(self, address: Address, data: bytes) -> None:
        try:
            host = canonical_host(address[0])
        except ValueError:  # there are no names here
            self._clock.soon(self.host.do, self._datagram_failed, address)
        else:
            self.host.send_datagram(self.address[1], (host, address[1]), data)

    def _learned(self, raw_info: bytes) -> None:
        if isinstance(self.node, MetadataNode):
            self.enter(decode_info(raw_info, self._trackers), 0)

    def _hash_leaves(self) -> None:
        """Payload has no hashes: it is as if the disk could not be read."""
        if isinstance(self.node, Node):
            self.node.leaves_hashed((), self._clock.now)
            self._perform()

    def _no_web(self, number: int) -> None:
        """There are no web servers here."""
        if isinstance(self.node, Node):
            self.node.range_failed(number, None, True, self._clock.now)
            self._perform()

    def _knows_another(self) -> None:
        if self.first_peer_at is None:
            self.first_peer_at = self._clock.now

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed(self)

    def _fail(self, reason: str) -> None:
        if self.failed is None:
            self.failed = reason
            self._tell()

    def _end(self, abrupt: bool) -> None:
        if self.node is None and self.left:
            return
        self.left = True
        self.node = self._uploads = None
        self.host.accepts.pop(self.address[1], None)
        for stream in list(self._streams.values()):
            if abrupt:
                stream.reset()
            else:
                stream.close()
        self._streams.clear()
        if self.overlay is not None:
            self.overlay.leave()
        self.host.hears.pop(self.address[1], None)


def _with_dht(shake: Handshake) -> Handshake:
    return Handshake(shake.info_hash, shake.peer_id, shake.fast, shake.extensions, shake.v2, dht=True)
