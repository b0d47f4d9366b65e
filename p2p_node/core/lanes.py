"""Lanes: how many connections may have blocks on their way to the link at once, and how many blocks each.

Where the uplink is the bottleneck few lanes are best: a block once begun is finished soon, and what waits can still be
cancelled; thirty flows at a thirtieth of the rate each would finish all their blocks late. Where the receivers are the
bottleneck many lanes fill the uplink. So their number grows as long as throughput grows with it, and shrinks when fewer
do as well.
"""

from __future__ import annotations

from p2p_node.boundary import ConnectionId
from p2p_node.core.connection import Connection
from p2p_node.wire.messages import BLOCK

FEWEST = 2
"""Enough that the link never idles between two blocks, few enough that each is quick. Four, beside a block that every
socket holds, left no choice whom to serve next while few ask."""

TURN_S = 0.005
"""How long a link may take over what is handed to it at once. Long beside a wake-up, short beside a second thought."""

MOST = 64 * BLOCK
"""Bytes handed over at once at most. Half as many cost a seed 4 % more CPU on loopback; more make the other peers of
the process wait."""

MOST_REQUESTS = MOST // BLOCK
"""Blocks handed over at once at most, however small they are."""

LITTLE = 4
"""A slow link's socket may hold one in so many bytes of a block unsent; less costs a wake-up a frame."""

HELD_S = 0.05
"""A socket may hold the whole blocks that the link sends in so long: each wake-up that is saved counts. On a slow link
each of thirty sockets would hold a block for seconds, too late to cancel it or to serve another first."""

MOST_HELD = 4 * BLOCK
"""Bytes that it may hold for that reason at most. Only small pieces need it: a run of a few blocks is one of them."""

EPOCH_S = 0.2
"""Shortest time over which throughput is compared; it also takes four blocks a lane."""

PAYS = 1.2
"""Twice the lanes must bring this much more throughput. Above the noise of an epoch, below what lanes bring while the
receivers are the bottleneck (2)."""

AS_GOOD = 0.95
"""Half the lanes are enough when they bring this much of the throughput."""

PAUSE_S = 2.0
"""Time between two trials of another number of lanes."""


class Lanes:
    """Taken when blocks are handed over, given back when the socket has taken them. Times are in seconds, sizes in
    bytes."""

    def __init__(self, now: float) -> None:
        self.count = FEWEST
        self._taken: dict[ConnectionId, tuple[float, int]] = {}
        """When each lane was taken, and for how much."""
        self._epoch_at = now
        self._moved = 0
        self._settled = FEWEST
        """The number of lanes known to be best; `count` differs from it during a trial."""
        self._rate = 0.0
        """Throughput with that number."""
        self._held = 0
        """Bytes that a socket may hold by HELD_S; 0: less than a block."""
        self._trying_more = True
        self._try_at = now

    @property
    def free(self) -> bool:
        """Whether another connection may begin."""
        return len(self._taken) < self.count

    def holds(self, connection: Connection) -> bool:
        """Whether this connection has a lane."""
        return connection.id in self._taken

    def turn(self, connection: Connection) -> int:
        """Bytes to hand to this connection's socket next."""
        return max(connection.turn, self._held)

    def unsent(self, connection: Connection, size: int) -> int:
        """Bytes that this connection's socket may hold, now that it is handed so many."""
        return max(connection.turn, size) if connection.turn > BLOCK or self._held else size // LITTLE

    def take(self, connection: Connection, size: int, now: float) -> None:
        """Blocks of this many bytes are handed over."""
        self._taken[connection.id] = (now, size)

    def give_back(self, connection: Connection, now: float) -> None:
        """The link took what was handed over; how long it needed decides how much it gets next time."""
        since, size = self._taken.pop(connection.id)
        if now - since > TURN_S:
            connection.turn = max(connection.turn // 2, BLOCK)
        elif now - since < TURN_S / 2 and 2 * size > connection.turn:
            connection.turn = min(connection.turn * 2, MOST)
        self._moved += size
        span = now - self._epoch_at
        if span >= EPOCH_S and self._moved >= 4 * self.count * BLOCK:
            self._judge(self._moved / span, now)
            self._begin_epoch(now)

    def left(self, connection: Connection) -> None:
        """The connection ended."""
        self._taken.pop(connection.id, None)

    def idle(self, now: float) -> None:
        """A lane is free and nobody wants it: throughput says nothing about lanes now."""
        self._begin_epoch(now)

    def _begin_epoch(self, now: float) -> None:
        self._epoch_at = now
        self._moved = 0

    def _judge(self, rate: float, now: float) -> None:
        if self.count != self._settled and rate < self._rate * (PAYS if self._trying_more else AS_GOOD):
            self.count = self._settled
            self._trying_more = not self._trying_more
            self._try_at = now + PAUSE_S
            return
        self._settled = self.count
        self._rate = rate
        self._held = min(int(rate * HELD_S) // BLOCK * BLOCK, MOST_HELD)
        if now >= self._try_at:
            self.count = self.count * 2 if self._trying_more else max(self.count // 2, FEWEST)
            if self.count == self._settled:
                self._trying_more = True
                self._try_at = now + PAUSE_S
