"""The download side: keeps each peer's request queue full, takes blocks in, and runs the end game.

Queues are short: what is asked of a slow peer cannot be had from a faster one, and at the end everybody waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random

from p2p_node.boundary import Close, ConnectionId, Discard, Effect, Send, Store, Verify
from p2p_node.core.connection import Connection
from p2p_node.core.picker import Picker
from p2p_node.core.requests import Key, Requests
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK, Cancel, Piece, Request
from p2p_node.wire.metainfo import Metainfo

MIN_QUEUE = 2
"""Requests under way to a peer whose rate is not known yet."""

QUEUE_S = 0.2
"""Beyond MIN_QUEUE, requests under way last this long at the peer's present rate, and twice the shortest time in which
it ever answered: enough for its link to stay busy, and little to wait for at the end."""

REFILL = 2
"""Requests are sent together, at least this many or a quarter of the queue: each packet of them costs both ends."""

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
        self.duplicates = 0
        """Of these, bytes of blocks that were here already."""
        self.hash_failures = 0
        self._connections = connections
        self._effects = effects
        self.served: Counter[Address] = Counter()
        """Verified bytes by the peer that sent them."""
        self._requests = Requests()
        self._unverified = 0
        """Bytes received of pieces not verified."""
        self._full = False
        """Whether a peer was not asked for all it could send because too much is not verified yet."""

    def received(self, connection: Connection, block: Piece, now: float) -> None:
        """A block came. Raises ProtocolError when it was never asked for."""
        index, remainder = divmod(block.begin, BLOCK)
        key = (block.piece, index)
        size = len(block.data)
        connection.download.add(size, now)
        asked_at = self._requests.remove(connection, key)
        if asked_at is not None:
            connection.latency = min(connection.latency, now - asked_at)
        elif key in connection.cancelled:
            connection.cancelled.discard(key)
        else:
            raise ProtocolError(f"unsolicited block {index} of piece {block.piece}")
        if remainder or size != self.picker.block_size(*key):
            raise ProtocolError(f"block {index} of piece {block.piece} has {size} bytes at {block.begin}")
        partial = self.picker.receive(*key, connection.address)
        if partial is None:
            self.wasted += size
            self.duplicates += size
            return
        self._unverified += size
        self._effects.append(Store(block.piece, block.begin, [block.data]))
        self._cancel_elsewhere(key, size)
        if not partial.missing:
            self._effects.append(Verify(block.piece))

    def verified(self, piece: int, right: bool) -> bool:
        """The outcome of a `Verify`; returns whether peers can be asked for more now.

        A wrong piece is thrown away, and so is the peer that is to blame for it.
        """
        if right:
            self._unverified -= self.picker.piece_size(piece)
            self._credit(piece)
            self.picker.verified(piece)
            return self._full or self.picker.end_game
        self.hash_failures += 1
        self._waste((piece, block) for block in range(self.picker.block_count(piece)))
        self._effects.append(Discard(piece))
        liar = self.picker.failed(piece)
        if liar is not None:
            self._expel(liar, f"sent piece {piece}, which is wrong")
        return True

    def fill(self, connection: Connection, now: float) -> None:
        """Ask this peer for as much as its queue should hold."""
        if connection.peer_choking or not connection.am_interested:
            return
        target = min(self._queue_target(connection, now), connection.reqq)
        room = target - len(connection.pending)
        if connection.pending and room < max(REFILL, target // 4):
            return
        while room > 0:
            if self._unverified + self._requests.count * BLOCK >= MAX_UNVERIFIED:
                self._full = True
                return
            picked = self.picker.pick(connection)
            if picked is None:
                break
            self._request(connection, picked, now)
            room -= 1
        if not connection.pending and self.picker.end_game:
            self._request_again(connection, now)

    def fill_all(self, now: float) -> None:
        """Ask every peer for as much as its queue should hold."""
        self._full = False
        for connection in self._connections.values():
            self.fill(connection, now)

    def release(self, connection: Connection) -> None:
        """Nothing more will come from this peer: what it was asked for is open again for others."""
        self.picker.leave(connection)
        for key in list(connection.pending):
            self._requests.remove(connection, key)
            connection.cancelled.add(key)
            self._give_back(key)
        for partial in self.picker.abandon(connection.address):
            self._waste((partial.piece, block) for block in partial.senders)
            self._effects.append(Discard(partial.piece))

    def rejected(self, connection: Connection, piece: int, begin: int) -> None:
        """The peer will not send this block (BEP 6). Raises ProtocolError when it was never asked for."""
        key = (piece, begin // BLOCK)
        if self._requests.remove(connection, key) is not None:
            self._give_back(key)
        elif key in connection.cancelled:
            connection.cancelled.discard(key)
        else:
            raise ProtocolError("reject of a block that was not asked for")

    def release_snubbed(self, now: float) -> None:
        """Take back what peers that fell silent were asked for."""
        for connection in self._connections.values():
            if connection.pending and now - connection.last_received > SNUBBED_S:
                oldest = next(iter(connection.pending.values()))
                if now - oldest > SNUBBED_S:
                    self.release(connection)

    def _queue_target(self, connection: Connection, now: float) -> int:
        seconds = QUEUE_S + 2 * min(connection.latency, 1.0)
        return min(MIN_QUEUE + int(connection.download.per_second(now) * seconds) // BLOCK, MAX_QUEUE)

    def _request(self, connection: Connection, key: Key, now: float) -> None:
        self._requests.add(connection, key, now)
        connection.cancelled.discard(key)
        piece, block = key
        request = Request(piece, block * BLOCK, self.picker.block_size(piece, block))
        self._effects.append(Send(connection.id, request))

    def _request_again(self, connection: Connection, now: float) -> None:
        key = self._requests.latest_elsewhere(connection, self._connections.values(), now)
        if key is not None and self.picker.partials[key[0]].admits(connection.address):
            self._request(connection, key, now)

    def _cancel_elsewhere(self, key: Key, size: int) -> None:
        for other in self._requests.holders(key):
            self._requests.remove(other, key)
            other.cancelled.add(key)
            self._effects.append(Send(other.id, Cancel(key[0], key[1] * BLOCK, size)))

    def _give_back(self, key: Key) -> None:
        if not self._requests.holders(key):
            self.picker.give_back(*key)

    def _credit(self, piece: int) -> None:
        for block, sender in self.picker.partials[piece].senders.items():
            self.served[sender] += self.picker.block_size(piece, block)

    def _expel(self, liar: Address, reason: str) -> None:
        self._waste(self.picker.reject(liar))
        for connection in self._connections.values():
            if connection.address == liar:
                self._effects.append(Close(connection.id, reason))

    def _waste(self, blocks: Iterable[Key]) -> None:
        size = sum(self.picker.block_size(*key) for key in blocks)
        self._unverified -= size
        self.wasted += size
