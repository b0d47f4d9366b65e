"""An alarm: one timer of a program on a host, set ever anew as its next deadline moves; what `p2p_node.shell.alarm` is
on a real clock."""

from __future__ import annotations

import math
from collections.abc import Callable

from harness.labs.simulated.hosts import Host


class Alarm:
    """Calls `ring` when it is due, or when the host thaws. It may ring early, never late."""

    def __init__(self, host: Host, ring: Callable[[], None]) -> None:
        self._host = host
        self._clock = host.network.clock
        self._ring = ring
        self._due = math.inf

    def set(self, due: float) -> None:
        """Ring at this time at the latest; now, if it has passed."""
        if due < self._due:
            now = self._clock.now
            self._due = due if due > now else now
            self._clock.at(self._due, self._host.do, self._go_off, self._due)

    def _go_off(self, due: float) -> None:
        if due == self._due:  # else an earlier one was set since
            self._due = math.inf
            self._ring()
