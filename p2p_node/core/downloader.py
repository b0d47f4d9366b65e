"""The download side: keeps each peer's request queue full, takes blocks in, and runs the end game."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from p2p_node.boundary import Close, ConnectionId, Discard, Effect, Send, Store, Verify
from p2p_node.core.connection import Connection
from p2p_node.core.picker import Picker
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK, Cancel, Piece, Request
from p2p_node.wire.metainfo import Metainfo

MIN_QUEUE = 2
"""Requests under way to a peer whose rate is not known yet. Measured with 32 peers: with 4 the queues outlast the
links, which costs 4 % at the end; with 1 links stall between two blocks."""

MAX_QUEUE = 500
"""Requests under way to one peer. transmission serves 511 and forgets the rest."""

MAX_UNVERIFIED = 16 << 20
"""Bytes asked for or received but not hashed yet: past this, hashing is the bottleneck and more would only fill
memory."""

SNUBBED_S = 20.0
"""A peer that unchoked us and sends nothing for this long gives its blocks back to others."""


class Downloader:
    """What this node asks its peers for. Appends to the effects list that it shares with its swarm."""

    def __init__(
        self,
        metainfo: Metainfo,
        have: int,
        connections: Mapping[ConnectionId, Connection],
        effects: list[Effect],
        rng: Random,
    ) -> None:
        self.picker = Picker(metainfo, have, rng)
        self.wasted = 0
        """Payload bytes received and thrown away."""
        self.hash_failures = 0
        self._connections = connections
        self._effects = effects
        self.served: dict[Address, int] = {}
        """Verified bytes by the peer that sent them."""
        self.banned: set[Address] = set()
        """Peers that sent wrong pieces."""
        self._verifying: dict[int, dict[Address, int]] = {}
        self._asked = 0
        """Requests under way to all peers."""
        self._unverified = 0
        """Bytes received of pieces not verified."""

    def received(self, connection: Connection, block: Piece, now: float) -> None:
        """A block came. Raises ProtocolError when it was never asked for."""
        index, remainder = divmod(block.begin, BLOCK)
        key = (block.piece, index)
        size = len(block.data)
        connection.download.add(size, now)
        if connection.pending.pop(key, None) is not None:
            self._asked -= 1
        else:
            if key not in connection.cancelled:
                raise ProtocolError(f"unsolicited block {index} of piece {block.piece}")
            connection.cancelled.discard(key)
        if remainder or size != self.picker.block_size(*key):
            raise ProtocolError(f"block {index} of piece {block.piece} has {size} bytes at {block.begin}")
        partial = self.picker.receive(block.piece, index, size, connection)
        if partial is None:
            self.wasted += size
            return
        self._unverified += size
        self._effects.append(Store(block.piece, block.begin, block.data))
        if self.picker.end_game:
            self._cancel_elsewhere(key, size, connection)
        if not partial.missing:
            self._verifying[block.piece] = partial.contributors
            self._effects.append(Verify(block.piece))

    def verified(self, piece: int, size: int, right: bool) -> None:
        """The outcome of a `Verify`. A wrong piece is thrown away, and so is a peer that sent all of it."""
        contributors = self._verifying.pop(piece)
        self._unverified -= size
        if right:
            self.picker.verified(piece)
            for source, count in contributors.items():
                self.served[source] = self.served.get(source, 0) + count
            return
        self.picker.failed(piece)
        self.hash_failures += 1
        self.wasted += size
        self._effects.append(Discard(piece))
        if len(contributors) == 1:
            self._ban(next(iter(contributors)), f"sent piece {piece}, which is wrong")

    def fill(self, connection: Connection, now: float) -> None:
        """Ask this peer for as much as its queue should hold."""
        if connection.peer_choking or not connection.am_interested:
            return
        room = min(self._queue_target(connection, now), connection.reqq, MAX_QUEUE) - len(connection.pending)
        while room > 0 and self._unverified + self._asked * BLOCK < MAX_UNVERIFIED:
            picked = self.picker.pick(connection)
            if picked is None:
                break
            self._request(connection, *picked, now)
            room -= 1
        if not connection.pending and self.picker.end_game:
            self._request_again(connection, now)

    def release(self, connection: Connection) -> None:
        """Nothing more will come from this peer: what it was asked for is open again for others."""
        self.picker.leave(connection)
        for piece, block in connection.pending:
            self._give_back(piece, block, connection)
        connection.cancelled.update(connection.pending)
        self._asked -= len(connection.pending)
        connection.pending.clear()

    def rejected(self, connection: Connection, piece: int, begin: int) -> None:
        """The peer will not send this block (BEP 6). Raises ProtocolError when it was never asked for."""
        key = (piece, begin // BLOCK)
        if connection.pending.pop(key, None) is not None:
            self._asked -= 1
            self._give_back(*key, connection)
        elif key in connection.cancelled:
            connection.cancelled.discard(key)
        else:
            raise ProtocolError("reject of a block that was not asked for")

    def release_snubbed(self, now: float) -> None:
        """Take back what peers that fell silent were asked for."""
        for connection in self._connections.values():
            if connection.pending and now - connection.last_received > SNUBBED_S:
                oldest = min(connection.pending.values())
                if now - oldest > SNUBBED_S:
                    self.release(connection)

    def _queue_target(self, connection: Connection, now: float) -> int:
        # What came in the last two seconds, halved, is a second's worth: enough for any round trip, and it doubles each
        # round trip while the rate still grows.
        return MIN_QUEUE + connection.download.window(now) // (2 * BLOCK)

    def _ban(self, liar: Address, reason: str) -> None:
        self.banned.add(liar)
        for connection in self._connections.values():
            if connection.address == liar:
                self._effects.append(Close(connection.id, reason))

    def _request(self, connection: Connection, piece: int, block: int, now: float) -> None:
        connection.pending[piece, block] = now
        self._asked += 1
        connection.cancelled.discard((piece, block))
        request = Request(piece, block * BLOCK, self.picker.block_size(piece, block))
        self._effects.append(Send(connection.id, request))

    def _request_again(self, connection: Connection, now: float) -> None:
        holders: dict[tuple[int, int], list[float]] = {}
        for other in self._connections.values():
            for key, asked in other.pending.items():
                holders.setdefault(key, []).append(asked)
        singles = [
            (asked[0], key) for key, asked in holders.items() if len(asked) == 1 and connection.have >> key[0] & 1
        ]
        if singles:
            _, key = min(singles)
            self._request(connection, *key, now)

    def _cancel_elsewhere(self, key: tuple[int, int], size: int, source: Connection) -> None:
        piece, block = key
        for other in self._connections.values():
            if other is not source and other.pending.pop(key, None) is not None:
                self._asked -= 1
                other.cancelled.add(key)
                self._effects.append(Send(other.id, Cancel(piece, block * BLOCK, size)))

    def _give_back(self, piece: int, block: int, source: Connection) -> None:
        if not any((piece, block) in other.pending for other in self._connections.values() if other is not source):
            self.picker.give_back(piece, block)
