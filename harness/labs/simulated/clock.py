"""The clock: time that passes from event to event.

The rule: what is due at the same moment happens in the order in which it was asked for, so a run has one course.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

_Event = tuple[float, int, Callable[..., None], tuple[Any, ...]]


class Clock:
    """Virtual seconds, from 0."""

    def __init__(self) -> None:
        self.now = 0.0
        self.happened = 0
        """Events so far."""
        self._events: list[_Event] = []
        self._order = count()

    def at(self, when: float, action: Callable[..., None], *args: Any) -> None:
        """Let this happen at a time that has not passed."""
        heappush(self._events, (when, next(self._order), action, args))

    def soon(self, action: Callable[..., None], *args: Any) -> None:
        """Let this happen now, after what is under way."""
        heappush(self._events, (self.now, next(self._order), action, args))

    def run(self, until: float = math.inf, done: Callable[[], bool] | None = None) -> None:
        """Let time pass, until `done` at the latest; it is asked after each event."""
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, action, args = heappop(events)
            self.happened += 1
            action(*args)
            if done is not None and done():
                return
        if until < math.inf:
            self.now = max(self.now, until)
