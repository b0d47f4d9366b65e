"""Who has which pieces, what follows from it for interest, and what others are told that this node has.

A piece is told only after its hash was verified. HAVEs that can wait travel together, because each alone costs a
packet; a seed with first copies to place tells each peer of its own (see `first_copies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from p2p_node.boundary import ConnectionId
from p2p_node.core import bits
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.first_copies import FirstCopies
from p2p_node.core.picker import Picker
from p2p_node.core.super_seed import SuperSeed
from p2p_node.wire import messages as wire
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.metainfo import Metainfo

HAVE_SHARE = 0.005
"""HAVEs that wait for company are sent on their own so often that their packets take this share of what is uploaded.
Who needs one is told at once; twice as many did a swarm no good (ADR 0077)."""

PACKET = 75
"""Bytes on the wire of a packet with one HAVE."""

MIN_WAIT_S, FIRST_WAIT_S, MAX_WAIT_S = 0.05, 1.0, 40.0
"""The least wait, the wait while nothing is uploaded yet, and the longest."""

REVEAL_S = 2.0
"""The longest wait of a seed whose first copies have arrived. Each of 250 peers was sent a packet for each of 128."""

Sender: TypeAlias = Callable[[Connection, wire.Message, float], None]


class Possessions:
    """What peers have and know; `first_copies` is how a seed places them, None if it is none
    or does not care."""

    def __init__(
        self,
        metainfo: Metainfo,
        picker: Picker,
        connections: Mapping[ConnectionId, Connection],
        send: Sender,
        first_copies: FirstCopies | SuperSeed | None,
    ) -> None:
        self._piece_count = metainfo.piece_count
        self._whole = (1 << metainfo.piece_count) - 1
        self._picker = picker
        self._connections = connections
        self._send = send
        self._first_copies = first_copies
        self._flush_at: float | None = None
        """When the HAVEs that wait are due; None while none do."""

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called; None when no time matters."""
        if self._first_copies is None or (place_at := self._first_copies.timer) is None:
            return self._flush_at
        return place_at if self._flush_at is None else min(self._flush_at, place_at)

    @property
    def holds_back(self) -> bool:
        """Whether peers are not told of everything here, so that first copies are placed."""
        return self._first_copies is not None and not self._first_copies.all_assigned

    def is_seed(self, peer: Connection) -> bool:
        """Whether this peer has everything."""
        return peer.have == self._whole

    # What peers say

    def has(self, peer: Connection, pieces: Iterable[int], now: float) -> None:
        """The peer has these pieces, too; raises ProtocolError at one that there is not."""
        new = 0
        for piece in pieces:
            if piece >= self._piece_count:
                raise ProtocolError(f"have of piece {piece} of {self._piece_count}")
            new |= 1 << piece
        new &= ~peer.have
        peer.have |= new
        self._picker.rarity.add_all(new)
        if self._first_copies is not None:
            self._place_more(self._first_copies, peer, new, now)
        if not peer.am_interested:
            self.update_interest(peer, now)

    def has_exactly(self, peer: Connection, have: int, now: float) -> None:
        """The peer said everything that it has."""
        self._picker.rarity.remove_all(peer.have)
        peer.have = have
        self._picker.rarity.add_all(have)
        if self._first_copies is not None and have:
            for piece in bits.members(have):  # what was assigned to it before it said so needs no delivery
                self._first_copies.delivered(piece)
            self._reveal_all(now)
        self.update_interest(peer, now)

    def asked(self, peer: Connection, idle: float, now: float) -> None:
        """The peer asked for a piece for the first time, after it left the uplink idle for so many seconds: a thrifty
        seed tells it of the next."""
        if self._first_copies is not None:
            self._first_copies.asked(peer, idle)
            self._reveal(peer, now)

    def left(self, peer: Connection, now: float) -> None:
        """The peer is gone, and its copies with it."""
        self._picker.rarity.remove_all(peer.have)
        if self._first_copies is not None:
            self._first_copies.left(peer)
            self._reveal_all(now)

    def update_interest(self, peer: Connection, now: float) -> None:
        """Say whether this peer has something that is missing here, when that has changed."""
        interested = self._picker.wants_from(peer.have)
        if interested != peer.am_interested:
            peer.am_interested = interested
            self._send(peer, wire.Interested() if interested else wire.NotInterested(), now)

    # What peers are told

    def introduce(self, peer: Connection, now: float) -> None:
        """Tell a peer that has just shaken hands what is here."""
        have = self._picker.have
        if self._first_copies is not None:
            if peer.fast:
                self._send(peer, wire.HaveNone(), now)
            self._reveal(peer, now)
            return
        peer.revealed = have
        if peer.fast and have == self._whole:
            self._send(peer, wire.HaveAll(), now)
        elif peer.fast and not have:
            self._send(peer, wire.HaveNone(), now)
        elif have:
            self._send(peer, wire.Bitfield(bits.to_bitfield(have, self._piece_count)), now)

    def gained(self, piece: int, now: float) -> None:
        """A piece was verified here. Who waits for something from here hears of it at once, the others soon."""
        bit = 1 << piece
        missing = self._picker.missing
        for peer in self._connections.values():
            if peer.have & bit:
                if peer.am_interested and not peer.have & missing:
                    self.update_interest(peer, now)
            elif not peer.peer_interested and peer.phase is Phase.OPEN:
                self._tell(peer, now)
        if not any(peer.pending for peer in self._connections.values()):
            self._flush_at = now  # a super-seed offers its next piece when it hears what became of the last
        elif self._flush_at is None:
            self._flush_at = now + self._wait_s(now)

    def join_in(self, peer: Connection, now: float) -> None:
        """Something is said to this peer: the HAVEs that have waited for company go in the same packet."""
        if self._first_copies is None:
            self._tell(peer, now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        if self._flush_at is not None and now >= self._flush_at:
            self._flush(now)
        if self._first_copies is not None and (due := self._first_copies.timer) is not None and now >= due:
            self._first_copies.expire(now)
            self._reveal_soon(now)

    def _flush(self, now: float) -> None:
        self._flush_at = None
        if self._first_copies is not None:
            self._reveal_all(now)
            return
        for peer in self._connections.values():
            if peer.phase is Phase.OPEN:
                self._tell(peer, now)

    def _tell(self, peer: Connection, now: float) -> None:
        news = self._picker.have & ~peer.revealed
        if not news:
            return
        peer.revealed |= news
        if peer.peer_interested:
            # A peer learns nothing from a HAVE of what it has; a seed, never interested, learns what was delivered.
            news &= ~peer.have
        if news:
            self._send(peer, wire.Haves(tuple(bits.members(news))), now)

    def _wait_s(self, now: float) -> float:
        uploaded = sum(peer.upload.per_second(now) for peer in self._connections.values())
        if not uploaded:  # or so slowly that two seconds of it saw no block
            return MAX_WAIT_S if any(peer.upload.total for peer in self._connections.values()) else FIRST_WAIT_S
        wait = len(self._connections) * PACKET / (HAVE_SHARE * uploaded)
        return min(max(wait, MIN_WAIT_S), MAX_WAIT_S)

    def _place_more(self, first_copies: FirstCopies | SuperSeed, peer: Connection, new: int, now: float) -> None:
        for piece in bits.members(new):
            if first_copies.delivered(piece):
                self._reveal_soon(now)
            elif not first_copies.all_assigned:
                self._reveal(peer, now)

    def _reveal(self, peer: Connection, now: float) -> None:
        assert self._first_copies is not None
        held_back = not self._first_copies.all_assigned
        assigned = peer.assigned
        found = self._first_copies.to_reveal(peer, now)
        peer.revealed |= found
        if found:
            self._send(peer, wire.Haves(tuple(bits.members(found))), now)
        if peer.fast:
            for piece in bits.members(peer.assigned & ~assigned):  # before what others can send it, too
                self._send(peer, wire.Suggest(piece), now)
        if held_back and self._first_copies.all_assigned:
            self._reveal_all(now)

    def _reveal_soon(self, now: float) -> None:
        """Reveal what there is at once to those who know of nothing else to ask for, and soon to all."""
        assert self._first_copies is not None
        if not self._first_copies.all_assigned:
            self._reveal_all(now)
            return
        for peer in self._connections.values():
            if peer.phase is Phase.OPEN and not peer.revealed & ~peer.have & ~peer.requested:
                self._reveal(peer, now)
        if self._flush_at is None:
            self._flush_at = now + min(self._wait_s(now), REVEAL_S)

    def _reveal_all(self, now: float) -> None:
        for peer in self._connections.values():
            if peer.phase is Phase.OPEN:
                self._reveal(peer, now)
