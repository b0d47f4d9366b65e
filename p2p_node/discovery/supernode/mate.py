"""Another supernode, as this one knows it: whether it is there, what its summary says, and what asking it is worth."""

from __future__ import annotations

from p2p_node.discovery.base import Key
from p2p_node.discovery.supernode.summary import Summary
from p2p_node.wire.address import Address
from p2p_node.wire.supernode import News, SummaryPart

MEMORY = 0.125
"""Weight of the latest query's outcome in a mate's worth: some eight queries in vain halve it and more."""

REST_S = 5.0
"""A mate that was silent for so long is pinged. Who is pinged hears the other, so a pair at rest exchanges two messages
in this time."""

REQUEST_S = 1.0
"""A summary is asked for no more often than this."""


class Mate:
    """One of the others in the mesh."""

    __slots__ = (
        "_answered_at",
        "_parts",
        "_requested_at",
        "_version",
        "address",
        "ping_at",
        "pings",
        "summary",
        "worth",
    )

    def __init__(self, address: Address, now: float) -> None:
        self.address = address
        self.pings = 0
        """Pings that were sent since it was last heard."""
        self.ping_at = now + REST_S
        self.summary: Summary | None = None
        self.worth = 1.0
        """The share of queries to it that found somebody, the latest ones weighing most."""
        self._version: int | None = None
        self._parts: dict[int, SummaryPart] = {}
        self._requested_at = float("-inf")
        self._answered_at = float("-inf")

    def heard(self, now: float) -> None:
        """It sent something."""
        self.pings = 0
        self.ping_at = now + REST_S

    def judge(self, found: bool) -> None:
        """It answered a query, or left it unanswered."""
        self.worth += MEMORY * (found - self.worth)

    def may_have(self, key: Key) -> bool:
        """Whether its summary says that it can tell about this key."""
        return self.summary is not None and key in self.summary

    def outdated(self, version: int, now: float) -> bool:
        """Whether its summary, now of this version, is to be asked for."""
        if version == self._version or now < self._requested_at + REQUEST_S:
            return False
        self._requested_at = now
        return True

    def may_ask(self, now: float) -> bool:
        """Whether it may have our summary, which is longer than its request, now again."""
        if now < self._answered_at + REQUEST_S / 2:  # it counts the second from when it sent
            return False
        self._answered_at = now
        return True

    def take_part(self, part: SummaryPart) -> bool:
        """A part of its summary came; False when the whole is none that an honest one would send."""
        known = next(iter(self._parts.values()), part)
        if (known.version, known.count) != (part.version, part.count):
            self._parts.clear()
        self._parts[part.number] = part
        if len(self._parts) < part.count:
            return True
        bits = b"".join(self._parts[number].bits for number in range(part.count))
        self._parts.clear()
        return self._install(Summary(bits), part.version)

    def take_news(self, news: News) -> bool | None:
        """Its summary grew; None when something before it was missed, False as for `take_part`."""
        if news.version == self._version:
            return True
        if news.before != self._version:
            return None
        if self.summary is not None:
            self.summary.update(news.keys)
            return self._install(self.summary, news.version)
        self._version = news.version
        return True

    def _install(self, summary: Summary, version: int) -> bool:
        # Of a summary that claims too much the version is kept, so that it is not asked for again.
        self._version = version
        self.summary = summary if summary.plausible else None
        return self.summary is not None
