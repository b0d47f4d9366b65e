"""What this host has for others, and when that is to be announced again."""

from __future__ import annotations

import heapq
from random import Random

from p2p_node.discovery.base import Key

REANNOUNCE_S = 300.0
"""Announces are believed for half an hour, but who keeps them may leave: where a tenth of the nodes leaves a minute,
four in ten of the K that took an announce are gone by then, and all of them once in a thousand times."""

RETRY_S = 0.25
"""After which it is announced again when nobody took it, or the network has grown, so that others are nearest now."""


class Provision:
    """One key: its port; `depth` is the routing table's when it was last announced, at `announced`."""

    __slots__ = ("announced", "depth", "due", "port")

    def __init__(self, port: int, now: float) -> None:
        self.port = port
        self.due = now
        self.announced = float("-inf")
        self.depth = 0


class Provisions:
    """Keys provided, by when their next announce is due."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._provisions: dict[Key, Provision] = {}
        self._queue: list[tuple[float, Key]] = []
        """May hold more than one entry a key: that which is its `due` counts."""

    def __len__(self) -> int:
        return len(self._provisions)

    @property
    def timer(self) -> float | None:
        """When the next announce is due."""
        while self._queue and not self._counts(*self._queue[0]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def port(self, key: Key) -> int | None:
        """The port on which this host has an item; None if it has not."""
        provision = self._provisions.get(key)
        return provision.port if provision is not None else None

    def add(self, key: Key, port: int, now: float) -> None:
        """Provide a key, to be announced at once."""
        self._provisions[key] = Provision(port, now)
        heapq.heappush(self._queue, (now, key))

    def remove(self, key: Key) -> None:
        """Provide it no longer."""
        self._provisions.pop(key, None)

    def take_due(self, depth: int, now: float) -> Key | None:
        """A key to announce now, if any is due, to a network in which the table has this depth."""
        timer = self.timer
        if timer is None or timer > now:
            return None
        _, key = heapq.heappop(self._queue)
        provision = self._provisions[key]
        provision.announced, provision.depth = now, depth
        # Not all keys of a host, and not all hosts of a network, at the same moment.
        self._schedule(key, provision, now + REANNOUNCE_S * self._rng.uniform(0.8, 1.0))
        return key

    def refused(self, key: Key, now: float) -> None:
        """Nobody took the announce."""
        if (provision := self._provisions.get(key)) is not None:
            self._schedule(key, provision, now + RETRY_S)

    def grown(self, depth: int, now: float) -> None:
        """The routing table has become this deep: whoever holds announces may not be nearest any more."""
        for key, provision in self._provisions.items():
            if provision.depth < depth:
                self._schedule(key, provision, min(provision.due, max(now, provision.announced + RETRY_S)))

    def _schedule(self, key: Key, provision: Provision, due: float) -> None:
        if due != provision.due:
            provision.due = due
            heapq.heappush(self._queue, (due, key))

    def _counts(self, due: float, key: Key) -> bool:
        provision = self._provisions.get(key)
        return provision is not None and provision.due == due
