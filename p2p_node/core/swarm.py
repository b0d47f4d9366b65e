"""One torrent's swarm as one peer sees it: connections come and go, messages come in, effects go out.

The rules that keep a swarm near its bound: interest, unchoking and requests follow their causes at once, timers only
rotate; a piece is told to others only after its hash was verified; HAVEs that can wait travel together, because each
alone costs a packet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from p2p_node.boundary import Close, Complete, ConnectionId, Effect, Send
from p2p_node.core import bits
from p2p_node.core.choker import RECHOKE_S, Choker
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.downloader import Downloader
from p2p_node.core.first_copies import FirstCopies
from p2p_node.core.uploader import Uploader
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
HAVE_BATCH_S = 0.25
"""How long a HAVE may wait for company. A lone HAVE is 9 bytes in a packet of 75, to every peer, for every piece."""


@dataclass(frozen=True, slots=True)
class SwarmSettings:
    """How a swarm behaves where there is a choice. `slots` None: everybody is unchoked while peers are few."""

    slots: int | None = None
    max_connections: int = 200
    thrifty_seed: bool = True


class Swarm:
    """The state machine of one torrent. Every method that is an input takes `now` in seconds; effects are left in
    `effects`."""

    def __init__(
        self, metainfo: Metainfo, peer_id: bytes, have: int, settings: SwarmSettings, rng: Random, now: float
    ) -> None:
        self.metainfo = metainfo
        self.peer_id = peer_id
        self.effects: list[Effect] = []
        self.connections: dict[ConnectionId, Connection] = {}
        self.downloader = Downloader(metainfo, have, self.connections, self.effects, rng)
        self.uploader = Uploader(metainfo, self.effects)
        self._picker = self.downloader.picker
        self._settings = settings
        self._choker = Choker(rng, now, settings.slots)
        self._first_copies = FirstCopies(metainfo, self._picker.rarity)
        self._thrifty = settings.thrifty_seed and self.complete
        self._rechoke_at = now + RECHOKE_S
        self._haves_at: float | None = None

    @property
    def complete(self) -> bool:
        """Whether every piece is here and verified."""
        return not self._picker.missing

    @property
    def have(self) -> int:
        """The pieces that are here, as a set (see `bits`)."""
        return self._picker.have

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        return self._rechoke_at if self._haves_at is None else min(self._rechoke_at, self._haves_at)

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
        self._picker.rarity.remove_all(gone.have)
        self._first_copies.left(gone)
        if self._thrifty:
            self._reveal_all(now)
        self._fill_all(now)
        self._rechoke(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        peer = self.connections[connection]
        peer.last_received = now
        if reason := self._unwelcome(peer, handshake, now):
            self._close(connection, reason, now)
            return
        if not peer.outgoing:
            self._send_handshake(connection)
        peer.phase = Phase.OPEN
        peer.peer_id = handshake.peer_id
        peer.fast = handshake.fast
        self._send_possessions(peer, now)

    def received(self, connection: ConnectionId, batch: Sequence[wire.Message], now: float) -> None:
        """Messages came. A peer that breaks the protocol is closed; what it said before counts."""
        peer = self.connections.get(connection)
        if peer is None:
            return
        peer.last_received = now
        try:
            for message in batch:
                handler = _HANDLERS.get(type(message))
                if handler is not None:
                    handler(self, peer, message, now)
        except ProtocolError as error:
            self._close(connection, str(error), now)
            return
        self.downloader.fill(peer, now)

    def piece_verified(self, piece: int, right: bool, now: float) -> None:
        """The outcome of a `Verify`; right means hashed and written."""
        self.downloader.verified(piece, self.metainfo.piece_size(piece), right)
        if right:
            self._tell_everyone(piece, now)
            for peer in self.connections.values():
                self._update_interest(peer, now)
            if self.complete:
                self.effects.append(Complete())
                self._leave_other_seeds(now)
        self._fill_all(now)

    def next_upload(self, connection: ConnectionId, now: float) -> wire.Request | None:
        """The next block to send on this connection, or None when nothing waits."""
        peer = self.connections.get(connection)
        return None if peer is None else self.uploader.next_upload(peer, now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        if self._haves_at is not None and now >= self._haves_at:
            self._flush_haves(now)
        if now >= self._rechoke_at:
            self._rechoke_at = now + RECHOKE_S
            self._rechoke(now)
            self.downloader.release_snubbed(now)
            self._fill_all(now)
            self._end_silent(now)
            if self._thrifty:
                self._first_copies.expire(now)
                self._reveal_all(now)

    # Messages

    def _on_choke(self, peer: Connection, _message: wire.Choke, now: float) -> None:
        peer.peer_choking = True
        if not peer.fast:  # with BEP 6 each request is rejected by name
            self.downloader.release(peer)
            self._fill_all(now)

    def _on_unchoke(self, peer: Connection, _message: wire.Unchoke, _now: float) -> None:
        peer.peer_choking = False

    def _on_interested(self, peer: Connection, _message: wire.Interested, now: float) -> None:
        peer.peer_interested = True
        self._rechoke(now)

    def _on_not_interested(self, peer: Connection, _message: wire.NotInterested, now: float) -> None:
        peer.peer_interested = False
        self._rechoke(now)

    def _on_have(self, peer: Connection, message: wire.Have, now: float) -> None:
        if message.piece >= self.metainfo.piece_count:
            raise ProtocolError(f"have of piece {message.piece} of {self.metainfo.piece_count}")
        self._add_possession(peer, message.piece)
        if self._thrifty:
            if self._first_copies.delivered(message.piece):
                self._reveal_all(now)
            elif not self._first_copies.all_assigned:
                self._reveal(peer, now)
        self._update_interest(peer, now)

    def _on_bitfield(self, peer: Connection, message: wire.Bitfield, now: float) -> None:
        self._set_possessions(peer, bits.from_bitfield(message.bits, self.metainfo.piece_count), now)

    def _on_have_all(self, peer: Connection, _message: wire.HaveAll, now: float) -> None:
        self._set_possessions(peer, self._whole, now)

    def _on_have_none(self, peer: Connection, _message: wire.HaveNone, now: float) -> None:
        self._set_possessions(peer, 0, now)

    def _on_request(self, peer: Connection, message: wire.Request, now: float) -> None:
        first = not peer.requested >> message.piece & 1
        self.uploader.requested(peer, message, self.have)
        if first and self._thrifty:
            self._reveal(peer, now)

    def _on_piece(self, peer: Connection, message: wire.Piece, now: float) -> None:
        self.downloader.received(peer, message, now)

    def _on_cancel(self, peer: Connection, message: wire.Cancel, _now: float) -> None:
        self.uploader.cancelled(peer, message)

    def _on_reject(self, peer: Connection, message: wire.Reject, _now: float) -> None:
        self.downloader.rejected(peer, message.piece, message.begin)

    # Who has what

    @property
    def _whole(self) -> int:
        return (1 << self.metainfo.piece_count) - 1

    def _add_possession(self, peer: Connection, piece: int) -> None:
        if peer.have >> piece & 1:
            return
        before = peer.have
        peer.have |= 1 << piece
        if peer.have == self._whole:
            self._picker.rarity.completed(before)
        else:
            self._picker.rarity.add(piece)

    def _set_possessions(self, peer: Connection, have: int, now: float) -> None:
        self._picker.rarity.remove_all(peer.have)
        peer.have = have
        self._picker.rarity.add_all(have)
        self._update_interest(peer, now)

    def _update_interest(self, peer: Connection, now: float) -> None:
        interested = self._picker.wants_from(peer.have)
        if interested != peer.am_interested:
            peer.am_interested = interested
            self._send(peer, wire.Interested() if interested else wire.NotInterested(), now)

    def _send_possessions(self, peer: Connection, now: float) -> None:
        if self._thrifty:
            if peer.fast:
                self._send(peer, wire.HaveNone(), now)
            self._reveal(peer, now)
            return
        peer.revealed = self.have
        if peer.fast and self.complete:
            self._send(peer, wire.HaveAll(), now)
        elif peer.fast and not self.have:
            self._send(peer, wire.HaveNone(), now)
        elif self.have:
            self._send(peer, wire.Bitfield(bits.to_bitfield(self.have, self.metainfo.piece_count)), now)

    def _reveal(self, peer: Connection, now: float) -> None:
        held_back = not self._first_copies.all_assigned
        found = self._first_copies.to_reveal(peer, now)
        peer.revealed |= found
        for piece in bits.members(found):
            self._send(peer, wire.Have(piece), now)
        if held_back and self._first_copies.all_assigned:
            self._reveal_all(now)

    def _reveal_all(self, now: float) -> None:
        for peer in self.connections.values():
            if peer.phase is Phase.OPEN:
                self._reveal(peer, now)

    def _tell_everyone(self, piece: int, now: float) -> None:
        for peer in self.connections.values():
            if peer.phase is Phase.OPEN:
                peer.haves_due |= 1 << piece
        if self._haves_at is None:
            self._haves_at = now + HAVE_BATCH_S

    def _flush_haves(self, now: float) -> None:
        self._haves_at = None
        for peer in self.connections.values():
            news = peer.haves_due & ~peer.revealed
            if peer.peer_interested:
                news &= (
                    ~peer.have
                )  # a peer learns nothing from these; a seed, never interested, learns what was delivered
            peer.haves_due = 0
            peer.revealed |= news
            for piece in bits.members(news):
                self._send(peer, wire.Have(piece), now)

    # Whom to serve, whom to keep

    def _rechoke(self, now: float) -> None:
        unchoked = self._choker.choose(self.connections.values(), self.complete, now)
        for peer in self.connections.values():
            if peer in unchoked and peer.am_choking:
                self.uploader.unchoke(peer)
            elif peer not in unchoked and not peer.am_choking:
                self.uploader.choke(peer)

    def _fill_all(self, now: float) -> None:
        for peer in self.connections.values():
            self.downloader.fill(peer, now)

    def _unwelcome(self, peer: Connection, handshake: Handshake, now: float) -> str | None:
        if handshake.info_hash != self.metainfo.info_hash:
            return "asks for another torrent"
        if handshake.peer_id == self.peer_id:
            return "is this node itself"
        if peer.address in self.downloader.banned:
            return "sent wrong pieces before"
        twin = next((other for other in self.connections.values() if other.peer_id == handshake.peer_id), None)
        if twin is None:
            return None
        # Two peers that dial each other at once must agree on which connection stays: that of the greater id.
        if peer.outgoing != twin.outgoing and peer.outgoing == (self.peer_id > handshake.peer_id):
            self._close(twin.id, "is connected twice", now)
            return None
        return "is connected already"

    def _leave_other_seeds(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if peer.have == self._whole:
                self._close(peer.id, "both have everything", now)

    def _end_silent(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if peer.phase is Phase.HANDSHAKE and now - peer.opened > HANDSHAKE_S:
                self._close(peer.id, "no handshake", now)
            elif now - peer.last_received > SILENCE_S:
                self._close(peer.id, "silent for too long", now)
            elif now - peer.last_sent > KEEPALIVE_S:
                self._send(peer, wire.KeepAlive(), now)

    def _close(self, connection: ConnectionId, reason: str, now: float) -> None:
        self.effects.append(Close(connection, reason))
        self.disconnected(connection, now)

    def _send_handshake(self, connection: ConnectionId) -> None:
        self.effects.append(Send(connection, Handshake(self.metainfo.info_hash, self.peer_id)))

    def _send(self, peer: Connection, message: wire.Message, now: float) -> None:
        peer.last_sent = now
        self.effects.append(Send(peer.id, message))


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
    wire.Piece: Swarm._on_piece,
    wire.Cancel: Swarm._on_cancel,
    wire.Reject: Swarm._on_reject,
}
