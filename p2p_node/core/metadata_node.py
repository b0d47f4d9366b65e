"""A peer that knows only a torrent's hash: finds others and fetches the info dictionary from them, sans-IO.

It has the inputs and figures of `core.node.Node`, so the same shell drives it; its end is a `Learned` effect. It
neither serves nor wants pieces: whoever drives it starts a `Node` with what was learned, and `known` as its first
addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from p2p_node.boundary import Close, ConnectionId, Dial, Effect, Learned, Send
from p2p_node.core.admission import HANDSHAKE_S
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.dialer import Dialer
from p2p_node.core.extensions import Extensions
from p2p_node.core.metadata import MetadataFetcher
from p2p_node.core.node import Tally
from p2p_node.core.peer_exchange import PeerExchange
from p2p_node.core.search import Search
from p2p_node.core.stance import Stance, stance
from p2p_node.discovery.tracker import Standing
from p2p_node.discovery.trackers import Trackers
from p2p_node.wire.address import Address, is_ipv6
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import Extension
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import Extended, Message
from p2p_node.wire.metadata import MetadataReject, MetadataRequest, decode_metadata, encode_metadata

MAX_CONNECTIONS = 50
"""Enough to find peers that have the dictionary among many that are looking for it, too."""

PATIENCE_S = 60.0
"""A peer that has nothing to offer by then makes room for another."""

CHECK_S = 2.0
"""Time between looks for connections that lead nowhere."""

UNKNOWN_LEFT = 16 * 1024
"""What trackers are told is left while nobody knows; 0 would make this peer a seed."""


class MetadataNode:
    """Fetches one torrent's metadata. Every input takes `now`, seconds of one monotonic clock."""

    def __init__(self, magnet: Magnet, peer_id: bytes, own: Address, rng: Random, now: float) -> None:
        self._info_hashes = magnet.info_hashes
        self._peer_id = peer_id
        self._connections: dict[ConnectionId, Connection] = {}
        self._dialling: dict[ConnectionId, Address] = {}
        self._ipv6 = is_ipv6(own[0])
        self._dialer = Dialer(own)
        self._dialer.learn(address for address in magnet.peers if is_ipv6(address[0]) == self._ipv6)
        self._trackers = Trackers([(url,) for url in magnet.trackers], magnet.info_hashes, peer_id, own[1], rng)
        self._search = Search(magnet.info_hashes, own[1])
        self._fetcher = MetadataFetcher(magnet)
        self._extensions = Extensions(
            own[1],
            None,
            {Extension.METADATA: self._on_metadata, Extension.PEX: self._on_gossip},
            self._send,
            self._greeted,
        )
        self._exchange = PeerExchange(own, self._connections, self._extensions.say, rng)
        self._effects: list[Effect] = []
        self._check_at = now

    complete = False
    diversity = None

    @property
    def known(self) -> list[Address]:
        """Where peers of this torrent are, or may be."""
        listening = [peer.listen_address for peer in self._connections.values()]
        return [*(address for address in listening if address is not None), *self._dialer.untried()]

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        timers = (
            self._trackers.timer,
            self._search.timer,
            self._dialer.timer(),
            self._fetcher.timer,
            self._exchange.timer,
        )
        return min([self._check_at, *(timer for timer in timers if timer is not None)])

    @property
    def parted(self) -> bool:
        """Whether, after `stop`, every tracker that knows of this peer has heard its goodbye."""
        return self._trackers.parted

    @property
    def stance(self) -> Stance:
        """How it stands with the connected peers, of whom it wants no pieces yet."""
        return stance(self._connections.values())

    @property
    def downloaded(self) -> int:
        """Nothing of the content was moved yet."""
        return 0

    def tally(self) -> Tally:
        """Nothing of the content was moved yet."""
        return Tally(0, 0, 0, 0, 0, UNKNOWN_LEFT, 0, {})

    def take_effects(self) -> list[Effect]:
        """What is to be done now, in order; taken once."""
        effects, self._effects = self._effects, []
        effects += self._trackers.take_effects()
        effects += self._search.effects
        self._search.effects.clear()
        return effects

    # Inputs

    def learn(self, addresses: Iterable[Address], now: float) -> None:
        """Peers of the swarm were found somewhere."""
        self._dialer.learn(address for address in addresses if is_ipv6(address[0]) == self._ipv6)
        self._go_on(now)

    def connected(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        """A connection is established."""
        if len(self._connections) >= MAX_CONNECTIONS and not outgoing:
            self._effects.append(Close(connection, "too many connections"))
            return
        self._connections[connection] = Connection(connection, address, outgoing, now)
        if outgoing:
            self._dialling[connection] = address
            self._dialer.connected(address)
            self._send_handshake(connection, self._info_hashes[0])

    def dial_failed(self, address: Address, now: float) -> None:
        """A `Dial` came to nothing."""
        self._dialer.failed(address, now)

    def disconnected(self, connection: ConnectionId, now: float) -> None:
        """A connection ended; also the answer to `Close`."""
        if (address := self._dialling.pop(connection, None)) is not None:
            self._dialer.failed(address, now)
        peer = self._connections.pop(connection, None)
        if peer is not None:
            self._fetcher.left(connection)
            self._exchange.left(peer, now)
            self._go_on(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        peer = self._connections.get(connection)
        if peer is None:
            return
        if (address := self._dialling.pop(connection, None)) is not None:
            self._dialer.succeeded(address)
        if reason := self._unwelcome(handshake):
            self._close(connection, reason, now)
            return
        if not peer.outgoing:
            self._send_handshake(connection, handshake.info_hash)
        peer.phase = Phase.OPEN
        peer.peer_id = handshake.peer_id
        peer.extended = True
        self._extensions.greet(peer, now)

    def received(self, connection: ConnectionId, batch: Sequence[Message], now: float) -> None:
        """Messages came; only extension messages mean anything here."""
        peer = self._connections.get(connection)
        if peer is None:
            return
        peer.last_received = now
        try:
            for message in batch:
                if isinstance(message, Extended):
                    self._extensions.received(peer, message, now)
        except ProtocolError as error:
            self._close(connection, str(error), now)
            return
        self._go_on(now)

    def announced(self, tracker: str, reply: bytes, now: float) -> None:
        """A tracker answered an `Announce`, whatever it said."""
        self.learn(self._trackers.replied(tracker, reply, now), now)
        self._announce(now)

    def announce_failed(self, tracker: str, now: float) -> None:
        """A tracker could not be reached."""
        self._trackers.failed(tracker, now)
        self._announce(now)

    def datagram_received(self, source: Address, data: bytes, now: float) -> None:
        """A datagram came to this peer's port."""
        self.learn(self._trackers.datagram_received(data, is_ipv6(source[0]), now), now)
        self._announce(now)

    def datagram_failed(self, address: Address, now: float) -> None:
        """A datagram to this address could not be delivered."""
        self._trackers.unreachable(address, now)
        self._announce(now)

    def tick(self, now: float) -> None:
        """The timer came due; also the first input, to begin."""
        if now >= self._check_at:
            self._check_at = now + CHECK_S
            self._end_useless(now)
        self._search.tend(True, now)
        self._exchange.tick(now)
        self._announce(now)
        self._go_on(now)

    def stop(self, now: float) -> None:
        """Say goodbye to the trackers; connections are ended by whoever holds them."""
        self._search.stop()
        self._trackers.stop(self._standing(), now)

    # What peers say

    def _greeted(self, peer: Connection, now: float) -> None:
        self._exchange.joined(peer, now)
        if Extension.METADATA in peer.numbers and peer.metadata_size is not None:
            self._fetcher.joined(peer.id, peer.metadata_size)
        else:
            self._fetcher.left(peer.id)

    def _on_metadata(self, peer: Connection, payload: bytes, now: float) -> None:
        message = decode_metadata(payload)
        if isinstance(message, MetadataRequest):
            if Extension.METADATA in peer.numbers:
                self._say_metadata(peer, MetadataReject(message.part), now)
        elif message is not None and self._fetcher.raw_info is None:
            self._fetcher.received(peer.id, message, now)
            if self._fetcher.raw_info is not None:
                self._effects.append(Learned(self._fetcher.raw_info))

    def _on_gossip(self, peer: Connection, payload: bytes, now: float) -> None:
        self._exchange.received(peer, payload, now)
        self._dialer.learn(self._exchange.take_found())

    # What follows

    def _go_on(self, now: float) -> None:
        """Ask and dial as much as there is reason for."""
        for number, request in self._fetcher.ask(now):
            self._say_metadata(self._connections[number], request, now)
        useless, self._fetcher.useless = self._fetcher.useless, []
        for number, reason in useless:
            self._close(number, reason, now)
        connected = {peer.listen_address or peer.address for peer in self._connections.values()}
        room = MAX_CONNECTIONS - len(self._connections)
        self._effects += [Dial(address) for address in self._dialer.next(connected, room, now)]

    def _end_useless(self, now: float) -> None:
        for peer in list(self._connections.values()):
            if peer.phase is Phase.HANDSHAKE and now - peer.opened > HANDSHAKE_S:
                self._close(peer.id, "no handshake", now)
            elif peer.metadata_size is None and now - peer.opened > PATIENCE_S:
                self._close(peer.id, "has no metadata to offer", now)

    def _unwelcome(self, handshake: Handshake) -> str | None:
        if handshake.info_hash not in self._info_hashes:
            return "asks for another torrent"
        if handshake.peer_id == self._peer_id:
            return "is this node itself"
        if not handshake.extensions:
            return "has no metadata to offer"
        if any(other.peer_id == handshake.peer_id for other in self._connections.values()):
            return "is connected already"
        return None

    def _announce(self, now: float) -> None:
        due = self._trackers.timer
        if due is not None and due <= now:
            self._trackers.tend(self._standing(), now)

    def _standing(self) -> Standing:
        return Standing(left=UNKNOWN_LEFT, connected=len(self._connections))

    def _say_metadata(self, peer: Connection, message: MetadataRequest | MetadataReject, now: float) -> None:
        self._extensions.say(peer, Extension.METADATA, encode_metadata(message), now)

    def _close(self, connection: ConnectionId, reason: str, now: float) -> None:
        if connection not in self._connections:
            return
        self._effects.append(Close(connection, reason))
        self.disconnected(connection, now)

    def _send_handshake(self, connection: ConnectionId, info_hash: bytes) -> None:
        self._effects.append(Send(connection, Handshake(info_hash, self._peer_id, fast=False)))

    def _send(self, peer: Connection, message: Message, _now: float) -> None:
        self._effects.append(Send(peer.id, message))
