"""Company: how many peers to be connected to.

Enough, as every further one costs a HAVE a piece – unless those that one has are slow, have nothing, or get on better.
A seed lets itself be found, and looks for others only when its uplink idles though it once had no place for somebody.
"""

from __future__ import annotations

import math

from p2p_node.core.connection import Phase
from p2p_node.core.pace import falls_behind
from p2p_node.core.swarm import Swarm

FORMING_S = 1.5
"""For so long after it first knew of anybody, a peer that downloads turns others away when it has enough connections:
in a flash crowd all dial at once, and who has twice the neighbours of another gets twice as much. Shorter than the
pause after which they dial again (dialer.RETRY_S), so that whoever found too few is let in then, and later comers
always."""

CROWD = 2
"""Who knows of so many times more peers than are enough dials half of enough meanwhile, and leaves the other half to
those who dial it. Else whoever comes first takes the places of its contemporaries, and the crowd becomes a chain of
circles, along which pieces spread slowly: 300 peers needed 21.9 s instead of 19.6. So it does, too, while most of those
whom it dialled have not answered: on two busy cores each of a thousand peers else dialled 43 others (ADR 0084)."""

LATE = 4
"""And for so many times as long as it was late itself: those who dial it wait here meanwhile, unheard."""

PATIENCE_S = 30.0
"""Who would then download for as long again looks for twice as many peers, as those it has may be slow. Not whoever is
nearly done: ten thousand of them, dialling one another, were a seventh of all work. Nor who gives a share of what it
gets: where uplinks are busy, twice as many peers bring twice the HAVEs, and no byte more (ADR 0076)."""

GIVING = 0.25
"""Bytes uploaded for each downloaded that show a busy swarm; in a crowd whose seed sends half of all, a peer uploads
half."""

COMPANY = 3
"""Who falls behind its peers looks for so many times more of them, once: where half of 64 peers are four times as fast
as the others, the last is done at .84 of the bound instead of .79. Twice as many were not enough. Not on slow links,
where every neighbour's HAVEs cost more than it brings (ADR 0079)."""

STARVED = 3
"""Whose peers have nothing for it wants this many more than are enough, times the root of the seconds that this has
lasted: in a crowd whose peers find one another before they find the seed, all places would else be taken by those who
have nothing. Ever more slowly, as in a large crowd everybody waits a while for the first pieces: with two a second a
thousand slow peers, who wait for twenty, were connected to fifty others each, and everybody's turn came half as often.
"""

LOOK_S = 0.5
"""Time between two looks of a seed whether its uplink idles."""

FURTHER = 8
"""It then looks for one more peer for each so many that it has. Of a thousand with 64/256 kbit/s a seed served the two
hundred that found a place, which could not take all it had to give, and was idle once they were done: all others knew
it for full. They were done at .59 of the bound, with this at .77 (ADR 0081)."""

IDLE_MOST = 8
"""Up to so many times as many as it lets in: 1,600. With 800 the other two hundred of a thousand peers had a fifth of
what these had from their seed, and were done a tenth later (ADR 0081)."""


class Company:
    """How many peers the node of a swarm wants to be connected to: from `enough` to `most` while it downloads; a node
    that came with everything, as few as keep its uplink busy.

    Every question takes `now`, seconds of one monotonic clock.
    """

    def __init__(self, swarm: Swarm, enough: int, most: int, now: float) -> None:
        self._swarm = swarm
        self._enough, self._most = enough, most
        self._joined_at = now
        self._forming_until: float | None = math.inf
        """When the swarm has formed; infinite before this node knows of anybody, None once it has."""
        self._late_until = now
        """Until when those who dialled this node may wait unheard, as it was late."""
        self._starving_since: float | None = None
        self._behind = False
        self._is_origin = swarm.complete
        """Whether everything was here from the start."""
        self._refused = False
        """Whether there was no place for somebody."""
        self._look_at = now + LOOK_S
        self._sought = 0
        """Connections that the origin wants until it looks again; it leaves those that it has to others."""

    @property
    def seeks(self) -> bool:
        """Whether this node may look for peers: while it downloads, or to serve those that it refused."""
        return not self._swarm.complete or (self._is_origin and self._refused)

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called; None if never again, infinite while only an input can tell."""
        return self._look_at if self._is_origin else self._forming_until

    def tick(self, starving: bool, lag_s: float, now: float) -> None:
        """Time has passed, and this is told so many seconds late; `starving` says whether the peers have nothing for
        this node."""
        if self._is_origin and now >= self._look_at:
            self._look_at = now + LOOK_S
            self._sought = self._further() if self._swarm.uploader.idle else 0
        if self._forming_until is not None and now >= self._forming_until:
            self._forming_until = None
        self._late_until = max(self._late_until, now + LATE * lag_s)
        if not starving or not any(peer.phase is Phase.OPEN for peer in self._swarm.connections.values()):
            self._starving_since = None
        elif self._starving_since is None:
            self._starving_since = now

    def refused(self) -> None:
        """Somebody found no place here."""
        self._refused = True

    def fell_behind(self) -> bool:
        """Whether the piece that was just verified shows, for the first time, that the peers get on better."""
        if self._behind or self._forming_until is not None or self._swarm.downloader.is_slow:
            return False
        got, piece_count = self._swarm.have.bit_count(), self._swarm.metainfo.piece_count
        self._behind = falls_behind(got, piece_count, self._swarm.connections.values())
        return self._behind

    @property
    def turns_away(self) -> bool:
        """Whether no other peer is let in, as the swarm still forms and there are enough."""
        forming = not self._swarm.complete and self._forming_until is not None
        return forming and len(self._swarm.connections) >= self._enough

    def room(self, known: int, unanswered: int, now: float) -> int:
        """For how many more peers to dial, of so many known, beside so many dials that may still bring one; less than
        none when there are more than enough."""
        connections = self._swarm.connections
        if self._is_origin:
            return self._sought - len(connections)
        if self._forming_until == math.inf and (known or connections):
            self._forming_until = now + FORMING_S
        room = self._wanted(now) - len(connections)
        if len(connections) + known > CROWD * self._enough:
            answered = sum(peer.outgoing and peer.phase is Phase.OPEN for peer in connections.values())
            if self._forming_until is not None or now < self._late_until or unanswered > answered:
                room = min(room, self._enough // 2 - answered - unanswered)
        return room

    def _further(self) -> int:
        connections = len(self._swarm.connections)
        return min(connections + 1 + connections // FURTHER, IDLE_MOST * self._most)

    def _wanted(self, now: float) -> int:
        wanted = self._enough
        if self._behind:
            wanted *= COMPANY
        elif self._is_impatient(now):
            wanted *= 2
        starving_s = now - self._starving_since if self._starving_since is not None else 0.0
        return min(wanted + int(STARVED * math.sqrt(starving_s)), self._most)

    def _is_impatient(self, now: float) -> bool:
        downloader, elapsed_s = self._swarm.downloader, now - self._joined_at
        if elapsed_s < PATIENCE_S or self._swarm.uploader.uploaded > GIVING * downloader.downloaded:
            return False
        return downloader.picker.left * elapsed_s > downloader.downloaded * PATIENCE_S
