"""One torrent's swarm as one peer sees it: connections come and go, messages come in, effects go out.

The rule that keeps a swarm near its bound: interest, unchoking and requests follow their causes at once; timers only
rotate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from p2p_node.boundary import Close, Complete, ConnectionId, Effect, Send, Serve, Upload
from p2p_node.core import bits
from p2p_node.core.choker import RECHOKE_S, Choker
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.downloader import Downloader
from p2p_node.core.first_copies import FirstCopies
from p2p_node.core.possessions import Possessions
from p2p_node.core.super_seed import SuperSeed
from p2p_node.core.swarm_extensions import SwarmExtensions
from p2p_node.core.uploader import Uploader
from p2p_node.core.web_seeds import WebSeeds
from p2p_node.wire import messages as wire
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.metainfo import Metainfo

HANDSHAKE_S = 10.0
"""A connection that has not said who it is by then is closed."""

SILENCE_S = 120.0
"""A connection that says nothing for this long is dead; peers send something every minute or two."""

KEEPALIVE_S = 55.0


@dataclass(frozen=True, slots=True)
class SwarmSettings:
    """How a swarm behaves where there is a choice.

    `slots` None: everybody is unchoked while peers are few. A peer dials others until it has `enough_connections`, as
    every further one costs a HAVE a piece, and takes in `max_connections`.
    """

    slots: int | None = None
    max_connections: int = 200
    enough_connections: int = 24
    thrifty_seed: bool = True
    super_seed: bool = False


class Swarm:
    """The state machine of one torrent. Every method that is an input takes `now` in seconds; effects are left in
    `effects`."""

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
        self.peer_id = peer_id
        self.effects: list[Effect] = []
        self.connections: dict[ConnectionId, Connection] = {}
        self.downloader = Downloader(metainfo, have, self.connections, self.effects, rng)
        self.uploader = Uploader(metainfo, self.effects, now)
        self.web_seeds = WebSeeds(metainfo, self.downloader, self.connections, self.effects, rng, now)
        self._picker = self.downloader.picker
        self._settings = settings
        self._choker = Choker(rng, now, settings.slots)
        self._possessions = Possessions(
            metainfo, self._picker, self.connections, self._send, self._first_copies(settings, rng)
        )
        self.extensions = SwarmExtensions(metainfo, own, self.connections, self._send, self._lost, rng)
        self._rechoke_at = now + RECHOKE_S

    @property
    def complete(self) -> bool:
        """Whether every piece is here and verified."""
        return not self._picker.missing

    @property
    def have(self) -> int:
        """The pieces that are here, as a set (see `bits`)."""
        return self._picker.have

    @property
    def starving(self) -> bool:
        """Whether something is missing that no connected peer has."""
        return not self.complete and not any(peer.am_interested for peer in self.connections.values())

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        timers = (self._rechoke_at, self._possessions.timer, self.web_seeds.timer, self.extensions.timer)
        return min(timer for timer in timers if timer is not None)

    # Inputs

    def connected(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        """A connection is established; the side that dialled speaks first."""
        self.connections[connection] = Connection(connection, address, outgoing, now)
        if outgoing:
            self._send_handshake(connection)

    def disconnected(self, connection: ConnectionId, now: float) -> None:
        """A connection ended, from whichever side."""
        gone = self.connections.pop(connection, None)
        if gone is None:
            return
        self.downloader.release(gone)
        self.uploader.left(gone)
        self.effects.append(Serve())  # its lane is free
        self._possessions.left(gone, now)
        self.extensions.left(gone, now)
        self._fill_all(now)
        self._rechoke(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        peer = self.connections[connection]
        peer.last_received = now
        if reason := self._unwelcome(peer, handshake, now):
            self.close(connection, reason, now)
            return
        if not peer.outgoing:
            self._send_handshake(connection)
        peer.phase = Phase.OPEN
        peer.peer_id = handshake.peer_id
        peer.fast = handshake.fast
        peer.extended = handshake.extensions
        self._possessions.introduce(peer, now)
        self.extensions.joined(peer, now)

    def received(self, connection: ConnectionId, batch: Sequence[wire.Message], now: float) -> None:
        """Messages came. A peer that breaks the protocol is closed; what it said before counts."""
        peer = self.connections.get(connection)
        if peer is None:
            return
        peer.last_received = now
        try:
            for message in batch:
                kind = type(message)
                handler = _HANDLERS.get(kind)
                if handler is not None:
                    handler(self, peer, message, now)
                if not peer.spoken and kind not in _PRELUDE:
                    peer.spoken = True
        except ProtocolError as error:
            self.close(connection, str(error), now)
            return
        said = len(self.effects)
        self._fill(peer, now)
        if len(self.effects) > said and peer.haves_due:
            self._possessions.tell(peer, now)  # in the requests' packet

    def piece_verified(self, piece: int, right: bool, now: float) -> None:
        """The outcome of a `Verify`; right means hashed and written."""
        more = self.downloader.verified(piece, right)
        self.web_seeds.verified(right)
        if right:
            self._possessions.gained(piece, now)
            if self.complete:
                self.effects.append(Complete())
                self.extensions.wants_nothing(now)
                self._leave_other_seeds(now)
        if more:
            self._fill_all(now)

    def range_received(self, number: int, data: bytes, now: float) -> None:
        """Bytes of a `FetchRange` came, in order."""
        self.web_seeds.received(number, data, now)
        self.web_seeds.fill(now)

    def range_failed(self, number: int, wish: float | None, for_good: bool, now: float) -> None:
        """A `FetchRange` came to nothing, or not to all of it."""
        self.web_seeds.failed(number, wish, for_good, now)
        self._fill_all(now)

    def next_upload(self, most: int, now: float) -> Upload | None:
        """The next blocks to send, or None when nothing waits or the link is busy."""
        return self.uploader.next_upload(most, now)

    def drained(self, connection: ConnectionId, now: float) -> None:
        """A socket has taken what was to be uploaded."""
        peer = self.connections.get(connection)
        if peer is not None:
            self.uploader.drained(peer, now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        self._possessions.tick(now)
        self.extensions.tick(now)
        if now >= self._rechoke_at:
            self._rechoke_at = now + RECHOKE_S
            self._rechoke(now)
            self.downloader.release_snubbed(now)
            self._fill_all(now)
            self._end_silent(now)
            if self.complete and not self._possessions.holds_back:
                self.extensions.wants_nothing(now)
                self._leave_other_seeds(now)
        self.web_seeds.tick(now)

    # Messages

    def _on_choke(self, peer: Connection, _message: wire.Choke, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_choking = True
        if not peer.fast:  # with BEP 6 each request is rejected by name
            self.downloader.release(peer)
            self._fill_all(now)

    def _on_unchoke(self, peer: Connection, _message: wire.Unchoke, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_choking = False
        peer.refused = 0

    def _on_interested(self, peer: Connection, _message: wire.Interested, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_interested = True
        self._rechoke(now)

    def _on_not_interested(self, peer: Connection, _message: wire.NotInterested, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_interested = False
        self._rechoke(now)

    def _on_have(self, peer: Connection, message: wire.Have, now: float) -> None:
        self._possessions.has(peer, message.piece, now)

    def _on_bitfield(self, peer: Connection, message: wire.Bitfield, now: float) -> None:
        self._introduced(peer, bits.from_bitfield(message.bits, self.metainfo.piece_count), now)

    def _on_have_all(self, peer: Connection, message: wire.HaveAll, now: float) -> None:
        _require_fast(peer, message)
        self._introduced(peer, (1 << self.metainfo.piece_count) - 1, now)

    def _on_have_none(self, peer: Connection, message: wire.HaveNone, now: float) -> None:
        _require_fast(peer, message)
        if peer.spoken:
            raise ProtocolError("says that it has nothing, but not first")
        self._introduced(peer, 0, now)

    def _introduced(self, peer: Connection, have: int, now: float) -> None:
        if peer.spoken:  # aria2 sends another bitfield, or HaveAll, in place of many HAVEs
            for piece in bits.members(have & ~peer.have):
                self._possessions.has(peer, piece, now)
            return
        self._possessions.has_exactly(peer, have, now)
        self.uploader.grant(peer)

    def _on_suggest(self, peer: Connection, message: wire.Suggest, _now: float) -> None:
        _require_fast(peer, message)
        peer.suggested |= self._bit(message.piece)

    def _on_allowed_fast(self, peer: Connection, message: wire.AllowedFast, _now: float) -> None:
        _require_fast(peer, message)
        peer.allowed_fast |= self._bit(message.piece)

    def _on_request(self, peer: Connection, message: wire.Request, now: float) -> None:
        self._on_requests(peer, wire.Requests(message.piece, message.begin, message.length, 1), now)

    def _on_requests(self, peer: Connection, message: wire.Requests, now: float) -> None:
        first = not peer.requested >> message.piece & 1
        idle = self.uploader.idle_s(peer, now)
        self.uploader.requested(peer, message, self.have)
        if first:
            self._possessions.asked(peer, idle, now)

    def _on_piece(self, peer: Connection, message: wire.Piece, now: float) -> None:
        self.downloader.received(peer, wire.Blocks(message.piece, message.begin, [message.data]), now)

    def _on_blocks(self, peer: Connection, message: wire.Blocks, now: float) -> None:
        self.downloader.received(peer, message, now)

    def _on_cancel(self, peer: Connection, message: wire.Cancel, _now: float) -> None:
        self.uploader.cancelled(peer, message)

    def _on_reject(self, peer: Connection, message: wire.Reject, _now: float) -> None:
        _require_fast(peer, message)
        self.downloader.rejected(peer, message.piece, message.begin)

    def _bit(self, piece: int) -> int:
        if piece >= self.metainfo.piece_count:
            raise ProtocolError(f"names piece {piece} of {self.metainfo.piece_count}")
        return 1 << piece

    def _on_extended(self, peer: Connection, message: wire.Extended, now: float) -> None:
        self.extensions.received(peer, message, now)

    def _lost(self, peer: Connection, piece: int, now: float) -> None:
        if peer.have >> piece & 1:
            self._possessions.has_exactly(peer, peer.have & ~(1 << piece), now)

    # Whom to ask, whom to serve, whom to keep

    def _fill(self, peer: Connection, now: float) -> None:
        self.downloader.fill(peer, now)
        if self.web_seeds.yield_to(peer, now):
            self.downloader.fill(peer, now)

    def _fill_all(self, now: float) -> None:
        self.downloader.fill_all(now)
        for peer in self.connections.values():
            if self.web_seeds.yield_to(peer, now):
                self.downloader.fill(peer, now)
        self.web_seeds.fill(now)

    def _first_copies(self, settings: SwarmSettings, rng: Random) -> FirstCopies | SuperSeed | None:
        if not self.complete:
            return None
        if settings.super_seed:
            return SuperSeed(self.metainfo.piece_count, self._picker.rarity, self.connections, rng)
        if not settings.thrifty_seed:
            return None
        return FirstCopies(self.metainfo, self._picker.rarity, lambda: self.uploader.has_room)

    def _rechoke(self, now: float) -> None:
        unchoked = self._choker.choose(self.connections.values(), self.complete, now)
        for peer in self.connections.values():
            if peer in unchoked and peer.am_choking:
                self.uploader.unchoke(peer)
            elif peer not in unchoked and not peer.am_choking:
                self.uploader.choke(peer)

    def _unwelcome(self, peer: Connection, handshake: Handshake, now: float) -> str | None:
        if handshake.info_hash != self.metainfo.info_hash:
            return "asks for another torrent"
        if handshake.peer_id == self.peer_id:
            return "is this node itself"
        if self._picker.trust.is_banned(peer.address):
            return "sent wrong pieces before"
        twin = next((other for other in self.connections.values() if other.peer_id == handshake.peer_id), None)
        if twin is None:
            return None
        # Two peers that dial each other at once must agree on which connection stays: that of the greater id.
        if peer.outgoing != twin.outgoing and peer.outgoing == (self.peer_id > handshake.peer_id):
            self.close(twin.id, "is connected twice", now)
            return None
        return "is connected already"

    def _leave_other_seeds(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if peer.upload_only or self._possessions.is_seed(peer):
                self.close(peer.id, "neither wants anything of the other", now)

    def _end_silent(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if peer.phase is Phase.HANDSHAKE and now - peer.opened > HANDSHAKE_S:
                self.close(peer.id, "no handshake", now)
            elif now - peer.last_received > SILENCE_S:
                self.close(peer.id, "silent for too long", now)
            elif now - peer.last_sent > KEEPALIVE_S:
                self._send(peer, wire.KeepAlive(), now)

    def close(self, connection: ConnectionId, reason: str, now: float) -> None:
        """End a connection."""
        self.effects.append(Close(connection, reason))
        self.disconnected(connection, now)

    def _send_handshake(self, connection: ConnectionId) -> None:
        self.effects.append(Send(connection, Handshake(self.metainfo.info_hash, self.peer_id)))

    def _send(self, peer: Connection, message: wire.Message, now: float) -> None:
        peer.last_sent = now
        self.effects.append(Send(peer.id, message))


def _require_fast(peer: Connection, message: wire.Message) -> None:
    if not peer.fast:
        raise ProtocolError(f"{type(message).__name__} without the fast extension")


_PRELUDE = frozenset({wire.KeepAlive, wire.Extended, wire.Port})
"""What some clients send before they say what they have."""

_HANDLERS: dict[type, Callable[[Swarm, Connection, Any, float], None]] = {
    wire.Choke: Swarm._on_choke,
    wire.Unchoke: Swarm._on_unchoke,
    wire.Interested: Swarm._on_interested,
    wire.NotInterested: Swarm._on_not_interested,
    wire.Have: Swarm._on_have,
    wire.Bitfield: Swarm._on_bitfield,
    wire.HaveAll: Swarm._on_have_all,
    wire.HaveNone: Swarm._on_have_none,
    wire.Request: Swarm._on_request,
    wire.Requests: Swarm._on_requests,
    wire.Piece: Swarm._on_piece,
    wire.Blocks: Swarm._on_blocks,
    wire.Cancel: Swarm._on_cancel,
    wire.Reject: Swarm._on_reject,
    wire.Suggest: Swarm._on_suggest,
    wire.AllowedFast: Swarm._on_allowed_fast,
    wire.Extended: Swarm._on_extended,
}
