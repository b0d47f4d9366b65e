"""One torrent's swarm as one peer sees it: connections come and go, messages come in, effects go out.

The rule that keeps a swarm near its bound: interest, unchoking and requests follow their causes at once; timers only
rotate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from p2p_node.boundary import Close, Complete, ConnectionId, Effect, Send, Serve, Upload
from p2p_node.core.admission import Admission, overdue
from p2p_node.core.choker import RECHOKE_S, Choker
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.downloader import Downloader
from p2p_node.core.first_copies import FirstCopies
from p2p_node.core.inbox import Inbox
from p2p_node.core.leaves import Leaves
from p2p_node.core.possessions import Possessions
from p2p_node.core.super_seed import SuperSeed
from p2p_node.core.swarm_extensions import SwarmExtensions
from p2p_node.core.swarm_hashes import SwarmHashes
from p2p_node.core.timers import earliest
from p2p_node.core.uploader import Uploader
from p2p_node.core.web_seeds import WebSeeds
from p2p_node.wire import messages as wire
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.metainfo import Metainfo

KEEPALIVE_S = 55.0


@dataclass(frozen=True, slots=True)
class SwarmSettings:
    """How a swarm behaves where there is a choice.

    `slots` None: everybody is unchoked while peers are few. A peer dials others until it has `enough_connections`, as
    every further one costs a HAVE a piece and holds a block that requests wait behind, and takes in `max_connections`.
    """

    slots: int | None = None
    max_connections: int = 200
    enough_connections: int = 16
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
        # A super-seed hides what it is; a thrifty one only what it has.
        wants = not self.complete or settings.super_seed
        self.extensions = SwarmExtensions(metainfo, own, self.connections, self._send, self._lost, rng, wants=wants)
        self._admission = Admission(metainfo, peer_id, self._picker.trust, self.connections)
        self._hashes = SwarmHashes(
            metainfo, self.downloader, self.connections, self.effects, self._send, self._reopened
        )
        self._inbox = Inbox(
            metainfo,
            self.downloader,
            self.uploader,
            self._possessions,
            self.extensions,
            self._hashes,
            self._interest_changed,
            self._fill_all,
        )
        self.downloader.verify_hollow()
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
    def seedless(self) -> bool:
        """Whether no connected peer is known to have everything."""
        return not any(peer.upload_only or self._possessions.is_seed(peer) for peer in self.connections.values())

    @property
    def starving(self) -> bool:
        """Whether something is missing that no connected peer has."""
        return not self.complete and not any(peer.am_interested for peer in self.connections.values())

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        return earliest(
            self._rechoke_at,
            self._choker.timer,
            self._possessions.timer,
            self.web_seeds.timer,
            self.extensions.timer,
            self._hashes.timer,
        )

    # Inputs

    def connected(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        """A connection is established; the side that dialled speaks first."""
        self.connections[connection] = Connection(connection, address, outgoing, now)
        if outgoing:
            self.effects.append(Send(connection, self._admission.introduction()))

    def disconnected(self, connection: ConnectionId, now: float) -> None:
        """A connection ended, from whichever side."""
        gone = self.connections.pop(connection, None)
        if gone is None or gone.phase is Phase.HANDSHAKE:  # nothing was exchanged; a crowd turns many away
            return
        self.downloader.release(gone)
        self.uploader.left(gone)
        self.effects.append(Serve())  # its lane is free
        self._possessions.left(gone, now)
        self.extensions.left(gone, now)
        self._hashes.left(gone, now)
        self._fill_all(now)
        self._rechoke(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        peer = self.connections[connection]
        peer.last_received = now
        if unwanted := self._admission.unwanted(peer, handshake):
            worse, reason = unwanted
            self.close(worse.id, reason, now)
            if worse is peer:
                return
        agreed = handshake.info_hash
        if not peer.outgoing:
            introduction = self._admission.introduction(handshake)
            agreed = introduction.info_hash
            self.effects.append(Send(connection, introduction))
        peer.v2 = self._admission.knows_v2(agreed)
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
                self._inbox.take(peer, message, now)
        except ProtocolError as error:
            self.close(connection, str(error), now)
            return
        self._hashes.seek(now)
        said = len(self.effects)
        self._fill(peer, now)
        if len(self.effects) > said:
            self._possessions.join_in(peer, now)

    def piece_verified(self, piece: int, right: bool, now: float) -> None:
        """The outcome of a `Verify`; right means hashed and written."""
        if not right and self._hashes.try_piece(piece, now):
            return
        more = self.downloader.verified(piece, right)
        self.web_seeds.verified(right)
        if right:
            self._possessions.gained(piece, now)
            if self.complete:
                self.effects.append(Complete())
                self.extensions.wants_nothing(now)
                self._leave_other_seeds(now)
        self.downloader.verify_hollow()
        if more:
            self._fill_all(now)

    def leaves_hashed(self, leaves: Leaves, now: float) -> None:
        """The outcome of a `HashLeaves`."""
        self._hashes.hashed(leaves, now)

    def range_received(self, number: int, data: bytes, now: float) -> None:
        """Bytes of a `FetchRange` came, in order."""
        self.web_seeds.received(number, data, now)
        self.web_seeds.fill(now)

    def range_failed(self, number: int, wish: float | None, for_good: bool, now: float) -> None:
        """A `FetchRange` came to nothing, or not to all of it."""
        self.web_seeds.failed(number, wish, for_good, now)
        self._fill_all(now)

    def expects(self, connection: ConnectionId, piece: int, begin: int, size: int) -> bool:
        """Whether these bytes of a piece are still missing, and this peer was asked for them."""
        peer = self.connections.get(connection)
        return peer is not None and self.downloader.expects(peer, piece, begin, size)

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
        self._hashes.tick(now)
        if self._choker.look(self.uploader.idle, now):
            self._rechoke(now)
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

    def _lost(self, peer: Connection, piece: int, now: float) -> None:
        if peer.have >> piece & 1:
            self._possessions.has_exactly(peer, peer.have & ~(1 << piece), now)

    # Whom to ask, whom to serve, whom to keep

    def _fill(self, peer: Connection, now: float) -> None:
        self.downloader.fill(peer, now)
        if self.web_seeds.yield_to(peer, now):
            self.downloader.fill(peer, now)

    def _fill_all(self, now: float) -> None:
        if self.complete:
            return
        self.downloader.fill_all(now)
        for peer in self.connections.values():
            if self.web_seeds.yield_to(peer, now):
                self.downloader.fill(peer, now)
        self.web_seeds.fill(now)

    def _reopened(self, now: float) -> None:
        """Blocks can be asked for that could not be before."""
        self.web_seeds.verified(False)
        self._fill_all(now)

    def _first_copies(self, settings: SwarmSettings, rng: Random) -> FirstCopies | SuperSeed | None:
        if not self.complete:
            return None
        if settings.super_seed:
            return SuperSeed(self.metainfo.piece_count, self._picker.rarity, self.connections, rng)
        if not settings.thrifty_seed:
            return None
        return FirstCopies(self.metainfo, self._picker.rarity, lambda: self.uploader.has_room)

    def _interest_changed(self, peer: Connection, now: float) -> None:
        if peer.peer_interested and peer.am_choking and self._choker.serves_all(len(self.connections)):
            self.uploader.unchoke(peer)
        else:
            self._rechoke(now)

    def _rechoke(self, now: float) -> None:
        if self._choker.serves_all(len(self.connections)):
            return  # whoever wants something was unchoked at once
        unchoked = self._choker.choose(self.connections.values(), self.complete, now)
        for peer in self.connections.values():
            if peer in unchoked and peer.am_choking:
                self.uploader.unchoke(peer)
            elif peer not in unchoked and not peer.am_choking:
                self.uploader.choke(peer)

    def _leave_other_seeds(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if peer.upload_only or self._possessions.is_seed(peer):
                self.close(peer.id, "neither wants anything of the other", now)

    def _end_silent(self, now: float) -> None:
        for peer in list(self.connections.values()):
            if reason := overdue(peer, now):
                self.close(peer.id, reason, now)
            elif now - peer.last_sent > KEEPALIVE_S:
                self._send(peer, wire.KeepAlive(), now)

    def close(self, connection: ConnectionId, reason: str, now: float) -> None:
        """End a connection."""
        self.effects.append(Close(connection, reason))
        self.disconnected(connection, now)

    def _send(self, peer: Connection, message: wire.Message, now: float) -> None:
        peer.last_sent = now
        self.effects.append(Send(peer.id, message))
