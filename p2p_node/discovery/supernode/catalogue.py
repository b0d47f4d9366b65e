"""What a supernode tells the others of the keys that it can tell about: its own summary, and how that changes.

The rule: what is new is told at once, by name; what is gone, when so much is that the summary is made anew. Versions
tell the others whether they missed something.
"""

from __future__ import annotations

import math
from random import Random

from p2p_node.discovery.base import Key
from p2p_node.discovery.registry import Registry
from p2p_node.discovery.supernode.summary import Summary
from p2p_node.wire.supernode import MAX_NEWS, News, SummaryPart

NEWS_S = 0.25
"""News are told as they come, and after that no sooner than this: a crowd's many keys travel together."""

REVIEW_S = 60.0
"""How often it is looked whether keys are gone."""

STALE = 0.5
"""Share of a summary's keys that may be gone before it is made anew: each costs others a query in vain at most."""

_VERSIONS = 1 << 32


class Catalogue:
    """A registry's summary; `timer` is when something is to be told."""

    def __init__(self, registry: Registry, rng: Random, now: float) -> None:
        self._registry = registry
        self.version = rng.randrange(_VERSIONS)
        self._summary = Summary.of(())
        self._count = 0
        self._news: list[Key] = []
        self._news_at = now
        self._review_at = now + REVIEW_S

    @property
    def timer(self) -> float:
        """When `take_frames` has something to say."""
        return self._news_at if self._news else math.inf

    def added(self, key: Key) -> None:
        """There is a peer for this key."""
        if key not in self._summary:
            self._summary.update([key])
            self._count += 1
            self._news.append(key)

    def parts(self) -> list[SummaryPart]:
        """The summary that others had if they heard all that was told so far, and what is still to be told."""
        parts = self._summary.parts()
        return [SummaryPart(self.version, number, len(parts), bits) for number, bits in enumerate(parts)]

    def take_frames(self, now: float) -> list[News] | list[SummaryPart]:
        """What all others are to be told now."""
        if self._count > self._summary.capacity or (now >= self._review_at and self._is_stale):
            return self._renew(now)
        if now >= self._review_at:
            self._review_at = now + REVIEW_S
        if not self._news or now < self._news_at:
            return []
        self._news_at = now + NEWS_S
        frames = []
        for at in range(0, len(self._news), MAX_NEWS):
            before, self.version = self.version, (self.version + 1) % _VERSIONS
            frames.append(News(before, self.version, tuple(self._news[at : at + MAX_NEWS])))
        self._news.clear()
        return frames

    @property
    def _is_stale(self) -> bool:
        return self._registry.swarm_count < (1 - STALE) * self._count

    def _renew(self, now: float) -> list[SummaryPart]:
        keys = tuple(self._registry.info_hashes)
        self._summary, self._count = Summary.of(keys), len(keys)
        self._news.clear()
        self.version = (self.version + 1) % _VERSIONS
        self._news_at, self._review_at = now + NEWS_S, now + REVIEW_S
        return self.parts()
