"""A seed's thrift: no piece leaves it twice before every piece has left it once.

In a flash crowd all peers choose at the same moment, and many choose the same piece; what the seed then sends twice,
the swarm waits for. So while pieces exist nowhere else, the seed tells each peer only of pieces assigned to that peer
alone, a few ahead of what it has asked for. Unlike super-seeding (BEP 16) it does not wait until a piece shows up
elsewhere before it assigns the next. When no unassigned piece is left, everything that has arrived is told to everyone.

Thrift must not cost more than it saves: a client that looks at its peers once a second is told of seconds' worth, and
what a slow peer holds is told to one that has nothing else to ask for.
"""

from __future__ import annotations

from collections.abc import Callable

from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.rarity import Rarity
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo

AHEAD = 1
"""Pieces assigned ahead to a peer whose rate is not known yet; then as much more as it gets in AHEAD_S."""

AHEAD_S = 0.25

PAUSES_AHEAD = 4
"""A peer that left the seed idle for a while, though it knew of a piece, is told of as much more as it gets in this
many such pauses: transmission asks once a second, and would get a piece a second."""

MIN_PAUSE_S, MAX_PAUSE_S = 0.5, 2.0
"""Shorter pauses may be the link's; longer ones are a first look at what is interesting (transmission: 10 s)."""

BACKLOG_S = 3.0
"""A peer that asks for more than it gets in this time, and a piece, is told of nothing new meanwhile."""

SLOW_S, SENT_S = 1.0, 3.0
"""After which an assigned piece is told to a peer that has nothing else to ask for, if the uplink has room: one that
waits here, and one that was sent, of which a peer may tell a second late."""

LOOK_S = 0.25
"""Time between two looks for such pieces."""

REQUEST_S = 10.0
"""A peer that has not asked for a piece assigned to it by then does not want it."""

DELIVERY_S = 60.0
"""A peer that has asked for its piece and not got it by then is too slow to wait for."""


class FirstCopies:
    """Which pieces a seed may tell which peer about; `has_room` says whether its uplink could carry more."""

    def __init__(self, metainfo: Metainfo, rarity: Rarity, has_room: Callable[[], bool]) -> None:
        self._piece_length = metainfo.piece_length
        self._rarity = rarity
        self._has_room = has_room
        self._all = (1 << metainfo.piece_count) - 1
        self._assigned: dict[int, tuple[Connection, float]] = {}
        """Pieces that only one peer was told about, that peer, and when; the oldest first."""
        self._assigned_mask = 0
        self._looked_at = float("-inf")

    @property
    def timer(self) -> float | None:
        """When `expire` wants to be called; None while nothing is assigned."""
        if not self._assigned:
            return None
        _, oldest = next(iter(self._assigned.values()))
        return max(oldest + SLOW_S, self._looked_at + LOOK_S)

    @property
    def all_assigned(self) -> bool:
        """Whether every piece was assigned, so that the seed holds back nothing but pieces under way."""
        return not self._unassigned

    def to_reveal(self, connection: Connection, now: float) -> int:
        """The further pieces to tell this peer about now."""
        if self.all_assigned:
            arrived = self._all & ~(self._rarity.absent & self._assigned_mask)
            return arrived & ~connection.revealed & ~connection.have or self._overdue(connection, now)
        if _turned_away(connection):
            return 0
        wanted = self._ahead(connection, now) - (connection.assigned & ~connection.requested).bit_count()
        found = 0
        while wanted > 0 and (candidates := self._unassigned & ~connection.have):
            piece = bits.first(candidates & ~connection.revealed or candidates, 0)
            self._assign(piece, connection, now)
            found |= 1 << piece
            wanted -= 1
        return found & ~connection.revealed

    def asked(self, connection: Connection, idle: float) -> None:
        """The peer asks for a piece for the first time, after it left the uplink idle for so many seconds."""
        if idle >= MIN_PAUSE_S:
            connection.pause = max(connection.pause, min(idle, MAX_PAUSE_S))

    def delivered(self, piece: int) -> bool:
        """Some peer has this piece now; returns whether everybody is now to be told of it."""
        return self._release(piece) and self.all_assigned

    def left(self, connection: Connection) -> None:
        """The peer is gone: what was assigned to it and not delivered can be assigned again."""
        for piece in bits.members(connection.assigned):
            self._release(piece)

    def expire(self, now: float) -> None:
        """Take back pieces that their peer shows no use for."""
        self._looked_at = now
        for piece, (owner, since) in list(self._assigned.items()):
            requested = owner.requested >> piece & 1
            if now - since > (DELIVERY_S if requested else REQUEST_S) or (_turned_away(owner) and not requested):
                self._release(piece)

    def _ahead(self, connection: Connection, now: float) -> int:
        rate = connection.upload.window(now) / 2
        if connection.uploads_count * BLOCK > self._piece_length + rate * BACKLOG_S:
            return 0
        return AHEAD + int(rate * (AHEAD_S + PAUSES_AHEAD * connection.pause)) // self._piece_length

    def _overdue(self, connection: Connection, now: float) -> int:
        # What slow peers hold. Each piece goes to one more peer at a time: the seed would have to send it to all it
        # told.
        if connection.revealed & ~connection.have & ~connection.requested or not self._has_room():
            return 0
        wanted, found = self._ahead(connection, now), 0
        known = connection.revealed | connection.have
        for piece, (owner, since) in list(self._assigned.items()):
            if now - since < SLOW_S or not wanted:
                break
            if owner is connection or known >> piece & 1:
                continue
            if now - since >= SENT_S or _waits(owner, piece):
                self._release(piece)
                self._assign(piece, connection, now)
                found |= 1 << piece
                wanted -= 1
        return found

    @property
    def _unassigned(self) -> int:
        return self._rarity.absent & ~self._assigned_mask

    def _assign(self, piece: int, connection: Connection, now: float) -> None:
        self._assigned[piece] = (connection, now)
        self._assigned_mask |= 1 << piece
        connection.assigned |= 1 << piece

    def _release(self, piece: int) -> bool:
        owner, _ = self._assigned.pop(piece, (None, 0.0))
        if owner is None:
            return False
        self._assigned_mask &= ~(1 << piece)
        owner.assigned &= ~(1 << piece)
        return True


def _turned_away(connection: Connection) -> bool:
    """Whether it wants something and is choked: what it is told of it cannot ask for, and nobody else is."""
    return connection.peer_interested and connection.am_choking


def _waits(owner: Connection, piece: int) -> bool:
    """Whether some of this piece has not left yet."""
    return not owner.requested >> piece & 1 or any(requests.piece == piece for requests in owner.uploads)
