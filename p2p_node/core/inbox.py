"""The inbox: what each kind of message means, checked against what its sender may say, and who it is passed on to.

A peer that breaks the protocol is answered with ProtocolError; what it said before counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.downloader import Downloader
from p2p_node.core.possessions import Possessions
from p2p_node.core.swarm_extensions import SwarmExtensions
from p2p_node.core.swarm_hashes import SwarmHashes
from p2p_node.core.uploader import Uploader
from p2p_node.wire import messages as wire
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.metainfo import Metainfo


class Inbox:
    """Takes the messages of one torrent's peers. `interest_changed` is called with who wants something of us now, or no
    more, `refill` when what a peer was asked for is open to others."""

    def __init__(
        self,
        metainfo: Metainfo,
        downloader: Downloader,
        uploader: Uploader,
        possessions: Possessions,
        extensions: SwarmExtensions,
        hashes: SwarmHashes,
        interest_changed: Callable[[Connection, float], None],
        refill: Callable[[float], None],
    ) -> None:
        self._piece_count = metainfo.piece_count
        self._downloader = downloader
        self._uploader = uploader
        self._possessions = possessions
        self._extensions = extensions
        self._hashes = hashes
        self._interest_changed = interest_changed
        self._refill = refill

    def take(self, peer: Connection, message: wire.Message, now: float) -> None:
        """A message came; raises ProtocolError."""
        kind = type(message)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, peer, message, now)
        if not peer.spoken and kind not in _PRELUDE:
            peer.spoken = True

    # Choking and interest

    def _on_choke(self, peer: Connection, _message: wire.Choke, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_choking = True
        if not peer.fast:  # with BEP 6 each request is rejected by name
            self._downloader.release(peer)
            self._refill(now)

    def _on_unchoke(self, peer: Connection, _message: wire.Unchoke, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_choking = False
        peer.refused = 0

    def _on_interested(self, peer: Connection, _message: wire.Interested, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_interested = True
        self._interest_changed(peer, now)

    def _on_not_interested(self, peer: Connection, _message: wire.NotInterested, now: float) -> None:
        peer.changed_its_mind(now)
        peer.peer_interested = False
        self._interest_changed(peer, now)

    # What the peer has

    def _on_have(self, peer: Connection, message: wire.Have, now: float) -> None:
        self._possessions.has(peer, (message.piece,), now)

    def _on_haves(self, peer: Connection, message: wire.Haves, now: float) -> None:
        self._possessions.has(peer, message.pieces, now)

    def _on_bitfield(self, peer: Connection, message: wire.Bitfield, now: float) -> None:
        self._introduced(peer, bits.from_bitfield(message.bits, self._piece_count), now)

    def _on_have_all(self, peer: Connection, message: wire.HaveAll, now: float) -> None:
        _require_fast(peer, message)
        self._introduced(peer, (1 << self._piece_count) - 1, now)

    def _on_have_none(self, peer: Connection, message: wire.HaveNone, now: float) -> None:
        _require_fast(peer, message)
        if peer.spoken:
            raise ProtocolError("says that it has nothing, but not first")
        self._introduced(peer, 0, now)

    def _introduced(self, peer: Connection, have: int, now: float) -> None:
        if peer.spoken:  # aria2 sends another bitfield, or HaveAll, in place of many HAVEs
            self._possessions.has(peer, bits.members(have & ~peer.have), now)
            return
        peer.had = have.bit_count()
        self._possessions.has_exactly(peer, have, now)
        self._uploader.grant(peer, self._downloader.picker.have)

    def _on_suggest(self, peer: Connection, message: wire.Suggest, _now: float) -> None:
        _require_fast(peer, message)
        peer.suggested |= self._bit(message.piece)

    def _on_allowed_fast(self, peer: Connection, message: wire.AllowedFast, _now: float) -> None:
        _require_fast(peer, message)
        peer.allowed_fast |= self._bit(message.piece)

    # Blocks

    def _on_request(self, peer: Connection, message: wire.Request, now: float) -> None:
        self._on_requests(peer, wire.Requests(message.piece, message.begin, message.length, 1), now)

    def _on_requests(self, peer: Connection, message: wire.Requests, now: float) -> None:
        first = not peer.requested >> message.piece & 1
        idle = self._uploader.idle_s(peer, now)
        self._uploader.requested(peer, message, self._downloader.picker.have)
        if first:
            self._possessions.asked(peer, idle, now)

    def _on_piece(self, peer: Connection, message: wire.Piece, now: float) -> None:
        self._downloader.received(peer, wire.Blocks(message.piece, message.begin, [message.data]), now)

    def _on_blocks(self, peer: Connection, message: wire.Blocks, now: float) -> None:
        self._downloader.received(peer, message, now)

    def _on_cancel(self, peer: Connection, message: wire.Cancel, _now: float) -> None:
        self._uploader.cancelled(peer, message)

    def _on_reject(self, peer: Connection, message: wire.Reject, _now: float) -> None:
        _require_fast(peer, message)
        self._downloader.rejected(peer, message.piece, message.begin)

    # Extensions and hashes

    def _on_extended(self, peer: Connection, message: wire.Extended, now: float) -> None:
        self._extensions.received(peer, message, now)

    def _on_hash_request(self, peer: Connection, message: wire.HashRequest, now: float) -> None:
        self._hashes.requested(peer, message, now)

    def _on_hashes(self, peer: Connection, message: wire.Hashes, now: float) -> None:
        self._hashes.received(peer, message, now)

    def _on_hash_reject(self, peer: Connection, message: wire.HashReject, now: float) -> None:
        self._hashes.rejected(peer, message, now)

    def _bit(self, piece: int) -> int:
        if piece >= self._piece_count:
            raise ProtocolError(f"names piece {piece} of {self._piece_count}")
        return 1 << piece


def _require_fast(peer: Connection, message: wire.Message) -> None:
    if not peer.fast:
        raise ProtocolError(f"{type(message).__name__} without the fast extension")


_PRELUDE = frozenset({wire.KeepAlive, wire.Extended, wire.Port})
"""What some clients send before they say what they have."""

_HANDLERS: dict[type, Callable[[Inbox, Connection, Any, float], None]] = {
    wire.Choke: Inbox._on_choke,
    wire.Unchoke: Inbox._on_unchoke,
    wire.Interested: Inbox._on_interested,
    wire.NotInterested: Inbox._on_not_interested,
    wire.Have: Inbox._on_have,
    wire.Haves: Inbox._on_haves,
    wire.Bitfield: Inbox._on_bitfield,
    wire.HaveAll: Inbox._on_have_all,
    wire.HaveNone: Inbox._on_have_none,
    wire.Request: Inbox._on_request,
    wire.Requests: Inbox._on_requests,
    wire.Piece: Inbox._on_piece,
    wire.Blocks: Inbox._on_blocks,
    wire.Cancel: Inbox._on_cancel,
    wire.Reject: Inbox._on_reject,
    wire.Suggest: Inbox._on_suggest,
    wire.AllowedFast: Inbox._on_allowed_fast,
    wire.Extended: Inbox._on_extended,
    wire.HashRequest: Inbox._on_hash_request,
    wire.Hashes: Inbox._on_hashes,
    wire.HashReject: Inbox._on_hash_reject,
}
