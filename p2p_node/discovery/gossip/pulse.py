"""Whether neighbours live. UDP tells nobody that a host is gone, so that neighbours owe each other signs of life.

The rule: whoever hears from a neighbour and has not told it anything for a while, says that it is here. So a neighbour
that stays silent after something was said to it is pinged, and given up after a few pings: within seconds where there
is traffic, and within a beat where there is none. A busy link costs nothing extra, an idle one two messages a beat.
"""

from __future__ import annotations

import math

from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.discovery.gossip.views import Link, Views
from p2p_node.wire.gossip import Frame, Ping, Pong

QUIET_S = 3.0
"""Silence that needs no explanation."""

PROBE_S = 0.8
"""Time to answer: more than any round trip and a busy machine's hiccup."""

MAX_PROBES = 3
"""Pings without an answer until a neighbour is given up: even where a tenth of all datagrams are lost, a neighbour that
lives is mistaken for dead once in 150 times that it is asked."""

BEAT_S = 40.0
"""A link is not silent for longer, so that dead neighbours are noticed though nobody searches. Rare, because this is
what an idle node sends: with 6 neighbours 0.15 messages a second. Each end of a link draws its own share of it, or both
would ping each other at the same moment."""


class Pulse:
    """Keeps count of who spoke when; `tick` is due at `timer`."""

    def __init__(self, views: Views, outbox: Outbox) -> None:
        self.timer = math.inf
        self._views = views
        self._outbox = outbox

    def began(self, link: Link) -> None:
        """There is a new neighbour."""
        self.timer = min(self.timer, link.said_at + link.beat * BEAT_S)

    def heard(self, link: Link, frame: Frame, now: float) -> None:
        """A neighbour said this: it lives, and is answered if it cannot know that this node does."""
        link.heard_at = now
        link.unanswered_since = None
        link.probes = 0
        if isinstance(frame, Ping) or (now - link.said_at > QUIET_S and not isinstance(frame, Pong)):
            self._outbox.send(link.address, Pong())
            link.said_at = now

    def said(self, link: Link, now: float) -> None:
        """This node said something to a neighbour, which is to be followed by a sign of life."""
        link.said_at = now
        if link.unanswered_since is None:
            link.unanswered_since = now
            link.probe_at = max(now, link.heard_at + QUIET_S) + PROBE_S
            self.timer = min(self.timer, link.probe_at)

    def tick(self, now: float) -> list[Link]:
        """Ask after who was silent for too long; returns who is given up."""
        if now < self.timer:
            return []
        dead = [link for link in self._views.links.values() if self._is_dead(link, now)]
        if dead:
            # Hosts often go together: whether the others live is not left to the next beat.
            for link in self._views.links.values():
                if link not in dead and link.probes == 0 and now - link.heard_at > QUIET_S:
                    self._probe(link, now)
        self.timer = min((self._due(link) for link in self._views.links.values() if link not in dead), default=math.inf)
        return dead

    def _is_dead(self, link: Link, now: float) -> bool:
        if now < self._due(link):
            return False
        if link.probes == MAX_PROBES:
            return True
        self._probe(link, now)
        return False

    def _probe(self, link: Link, now: float) -> None:
        self._outbox.send(link.address, Ping())
        if link.unanswered_since is None:
            link.unanswered_since = now
        link.said_at = now
        link.probes += 1
        link.probe_at = now + PROBE_S

    def _due(self, link: Link) -> float:
        return link.said_at + link.beat * BEAT_S if link.unanswered_since is None else link.probe_at
