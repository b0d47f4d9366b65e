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

AHEAD = 2
"""Pieces assigned ahead to a peer whose rate is not known yet; then half a second's worth more."""


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
        self._assigned_mask = 0

    def to_reveal(self, connection: Connection, now: float) -> int:
        """The further pieces to tell this peer about now."""
        if not self._unassigned:
            return self._all & ~self._undelivered & ~connection.revealed & ~connection.have
        waiting = (connection.revealed & ~connection.requested & ~connection.have).bit_count()
        wanted = AHEAD + connection.upload.window(now) // (4 * self._metainfo.piece_length) - waiting
        found = 0
        while wanted > 0 and (candidates := self._unassigned):
            piece = bits.first(candidates, 0)
            self._assigned[piece] = (connection, now)
            self._assigned_mask |= 1 << piece
            found |= 1 << piece
            wanted -= 1
        return found

    @property
    def all_assigned(self) -> bool:
        """Whether every piece was assigned, so that the seed holds back nothing but pieces under way."""
        return not self._unassigned

    def delivered(self, piece: int) -> bool:
        """Some peer has this piece now; returns whether everybody is now to be told of it."""
        if self._assigned.pop(piece, None) is None:
            return False
        self._assigned_mask &= ~(1 << piece)
        return self.all_assigned

    def left(self, connection: Connection) -> None:
        """The peer is gone: what was assigned to it and not delivered can be assigned again."""
        for piece in [piece for piece, (owner, _) in self._assigned.items() if owner is connection]:
            self.delivered(piece)

    def expire(self, now: float) -> bool:
        """Take back pieces that their peer shows no use for; returns whether there were any."""
        stale = [
            piece
            for piece, (owner, since) in self._assigned.items()
            if now - since > (DELIVERY_S if owner.requested >> piece & 1 else REQUEST_S)
        ]
        for piece in stale:
            self.delivered(piece)
        return bool(stale)

    @property
    def _unassigned(self) -> int:
        return self._rarity.absent & ~self._assigned_mask

    @property
    def _undelivered(self) -> int:
        return self._rarity.absent & self._assigned_mask
