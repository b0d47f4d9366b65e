"""Super-seeding (BEP 16): a seed that poses as a peer with nothing and gives out one piece at a time.

A peer is told of one piece – the one with the fewest copies – and of the next only when the first was seen at another
peer. That saves the seed's uplink and costs the peers time, so it is an option beside `first_copies`, which does not
wait. It ends, for good, when every piece is out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from random import Random

from p2p_node.boundary import ConnectionId
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.rarity import Rarity

PATIENCE_S = 60.0
"""After which a peer that did not pass its piece on, or did not fetch it, is told of another: BEP 16 sets no limit, but
its peers may all have left."""


class SuperSeed:
    """Which pieces a super-seeding node may tell which peer about; a choice like `FirstCopies`."""

    def __init__(
        self, piece_count: int, rarity: Rarity, connections: Mapping[ConnectionId, Connection], rng: Random
    ) -> None:
        self._all = (1 << piece_count) - 1
        self._rarity = rarity
        self._connections = connections
        self._rng = rng
        self._offers: dict[Connection, tuple[int, float]] = {}
        """The piece that each peer is to pass on, and since when."""
        self._over = False

    @property
    def all_assigned(self) -> bool:
        """Whether every piece is out, so that nothing is held back any more."""
        self._over = self._over or not self._rarity.absent
        return self._over

    @property
    def timer(self) -> float | None:
        """When `expire` wants to be called; None while nothing is on offer."""
        return min((since + PATIENCE_S for _, since in self._offers.values()), default=None)

    def to_reveal(self, connection: Connection, now: float) -> int:
        """The further pieces to tell this peer about now."""
        hidden = self._all & ~connection.revealed & ~connection.have
        if self.all_assigned:
            return hidden
        if connection in self._offers or not hidden:
            return 0
        on_offer = reduce(or_, (1 << piece for piece, _ in self._offers.values()), 0)
        piece = self._rarity.rarest(hidden & ~on_offer or hidden, self._rng)
        self._offers[connection] = (piece, now)
        return 1 << piece

    def asked(self, connection: Connection, idle: float) -> None:
        """The peer asks for a piece; it is told of the next only when it has passed that on."""

    def delivered(self, piece: int) -> bool:
        """Some peer has this piece now; returns whether peers are to be told of more."""
        holders = [owner for owner, (offered, _) in self._offers.items() if offered == piece]
        passed_on = [owner for owner in holders if self._is_passed_on(owner)]
        for owner in passed_on:
            del self._offers[owner]
        return bool(passed_on) or self.all_assigned

    def left(self, connection: Connection) -> None:
        """The peer is gone; the others may have nobody left to pass their pieces on to."""
        self._offers.pop(connection, None)
        for owner in [owner for owner in self._offers if self._is_passed_on(owner)]:
            del self._offers[owner]

    def expire(self, now: float) -> None:
        """Give up waiting for peers that do not pass on what they got."""
        for owner, (_, since) in list(self._offers.items()):
            if now >= since + PATIENCE_S:  # as the timer has it: rounded, the difference may be less for ever
                del self._offers[owner]

    def _is_passed_on(self, owner: Connection) -> bool:
        piece, _ = self._offers[owner]
        others = [other for other in self._connections.values() if other is not owner and other.phase is Phase.OPEN]
        if any(other.have >> piece & 1 for other in others):
            return True
        takers = [other for other in others if other.have != self._all]
        return not takers and bool(owner.have >> piece & 1)
