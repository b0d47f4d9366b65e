"""A seed's thrift: no piece leaves it twice before every piece has left it once.

In a flash crowd all peers choose at the same moment, and many choose the same piece; what the seed then sends twice,
the swarm waits for. So while pieces exist nowhere else, the seed tells each peer only of pieces assigned to that peer
alone, a few ahead of what it has asked for. Unlike super-seeding (BEP 16) it does not wait until a piece shows up
elsewhere before it assigns the next. When no unassigned piece is left, everything that has arrived is told to everyone.
"""

from __future__ import annotations

from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.rarity import Rarity
from p2p_node.wire.metainfo import Metainfo

AHEAD = 1
"""Pieces assigned ahead to a peer whose rate is not known yet; then a quarter second's worth more."""


REQUEST_S = 10.0
"""A peer that has not asked for a piece assigned to it by then does not want it."""

DELIVERY_S = 60.0
"""A peer that has asked for its piece and not got it by then is too slow to wait for."""


class FirstCopies:
    """Which pieces a seed may tell which peer about."""

    def __init__(self, metainfo: Metainfo, rarity: Rarity) -> None:
        self._metainfo = metainfo
        self._rarity = rarity
        self._all = (1 << metainfo.piece_count) - 1
        self._assigned: dict[int, tuple[Connection, float]] = {}
        """Pieces that only one peer was told about, that peer, and when."""
        self._assigned_mask = 0

    def to_reveal(self, connection: Connection, now: float) -> int:
        """The further pieces to tell this peer about now."""
        if self.all_assigned:
            undelivered = self._rarity.absent & self._assigned_mask
            return self._all & ~undelivered & ~connection.revealed & ~connection.have
        wanted = AHEAD + connection.upload.window(now) // (8 * self._metainfo.piece_length)
        wanted -= (connection.assigned & ~connection.requested).bit_count()
        found = 0
        while wanted > 0 and (candidates := self._unassigned & ~connection.have):
            piece = bits.first(candidates, 0)
            self._assign(piece, connection, now)
            found |= 1 << piece
            wanted -= 1
        return found & ~connection.revealed

    @property
    def all_assigned(self) -> bool:
        """Whether every piece was assigned, so that the seed holds back nothing but pieces under way."""
        return not self._unassigned

    def delivered(self, piece: int) -> bool:
        """Some peer has this piece now; returns whether everybody is now to be told of it."""
        return self._release(piece) and self.all_assigned

    def held(self, pieces: int) -> None:
        """Some peer came with these pieces: whoever one was assigned to need not fetch it first."""
        for piece in bits.members(pieces & self._assigned_mask):
            self._release(piece)

    def left(self, connection: Connection) -> None:
        """The peer is gone: what was assigned to it and not delivered can be assigned again."""
        for piece in bits.members(connection.assigned):
            self._release(piece)

    def expire(self, now: float) -> None:
        """Take back pieces that their peer shows no use for."""
        for piece, (owner, since) in list(self._assigned.items()):
            if now - since > (DELIVERY_S if owner.requested >> piece & 1 else REQUEST_S):
                self._release(piece)

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
