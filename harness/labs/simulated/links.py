"""A host's link: an uplink that its flows share evenly, and a downlink that takes what comes in turn.

Rates are bytes per second on the wire. What headers and acknowledgements take is that of the namespace lab (ADR 0005):
66 bytes a frame, and an acknowledgement for every second frame that arrives, on the uplink of who received it.

An uplink is shared as a fluid (generalised processor sharing, Parekh and Gallager 1993): every flow that has something
to send gets the same rate at every moment. `served` counts the bytes that each such flow has had, so a message's end is
known, in that measure, when it is handed over, and costs two operations on a heap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from harness.labs.simulated.clock import Clock

SEGMENT = 1448
HEADERS = 66
"""Bytes of Ethernet, IP and TCP with time stamps that a frame has beside its payload."""
FRAME = SEGMENT + HEADERS
QUEUED = 2 * FRAME
"""What each flow has in its host's queue at most (TCP small queues, as the namespace lab sets them): a flow that was
idle waits behind so much of each other."""

_ROUNDING = 1e-3
"""Bytes by which sums of fractions may be off."""


def on_wire(size: int) -> float:
    """What so many bytes of a stream take of a link: a frame of its own for what is less than one."""
    return size + HEADERS if size <= SEGMENT else size * (FRAME / SEGMENT)


class Flow:
    """What shares an uplink evenly with others, and sends its own in order: one end of a connection, or the
    datagrams of a host."""

    __slots__ = ("finish", "queued")

    def __init__(self) -> None:
        self.queued = 0
        """Messages handed over that have not left."""
        self.finish = 0.0
        """Where in `Uplink.served` the last of them has left."""


class Uplink:
    """Sends the messages of flows at `rate`; at 0 nothing ever leaves."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self.rate = rate
        self.sent = 0.0
        """Bytes handed over so far, with headers."""
        self.acknowledged = 0.0
        """Bytes of acknowledgements so far."""
        self._clock = clock
        self._active = 0
        """Flows that have something to send."""
        self._served = 0.0
        self._served_at = 0.0
        """The time for which `_served` is right; ahead of now while acknowledgements go out."""
        self._messages: list[tuple[float, int, Flow, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()
        self._due = math.inf

    @property
    def wait_s(self) -> float:
        """How long the first bytes of a flow that was idle wait in the queue."""
        return self._active * QUEUED / self.rate if self._active else 0.0

    def carry(self, flow: Flow, size: float, left: Callable[..., None], *args: Any) -> None:
        """Send a message of `size` bytes behind the flow's others, and then call `left`."""
        self.sent += size
        if self.rate <= 0:
            flow.queued += 1
            return
        if self._clock.now > self._served_at:
            self._advance()
        if not flow.queued:
            self._active += 1
            flow.finish = self._served
        flow.queued += 1
        flow.finish += size
        message = (flow.finish, next(self._order), flow, left, args)
        heappush(self._messages, message)
        if self._messages[0] is message or self._due == math.inf:  # nobody else's end has come closer by it
            self._set_alarm()

    def slip(self, size: float) -> float:
        """Send a frame of a flow that has nothing else to send, between those of the others; returns when it has left.

        What its flow waits for them is `wait_s`. Nearly all that peers say is so small, and an event less each.
        """
        self.sent += size
        self._go_first(size)
        return self._served_at

    def acknowledge(self, size: float) -> None:
        """Send so many bytes of acknowledgements, ahead of everything."""
        if self.rate > 0:
            self.acknowledged += size
            self._go_first(size)

    def _go_first(self, size: float) -> None:
        if self._clock.now > self._served_at:
            self._advance()
        self._served_at += size / self.rate

    def _advance(self) -> None:
        now = self._clock.now
        if now > self._served_at:
            if self._active:
                self._served += (now - self._served_at) * self.rate / self._active
            self._served_at = now

    def _set_alarm(self) -> None:
        missing = self._messages[0][0] - self._served
        due = self._served_at
        if missing > 0:
            due += missing * self._active / self.rate
        if due < self._due:
            self._due = due
            self._clock.at(due, self._ring, due)

    def _ring(self, due: float) -> None:
        if due != self._due:  # an earlier one was set since
            return
        self._due = math.inf
        self._advance()
        messages = self._messages
        while messages and messages[0][0] <= self._served + _ROUNDING:
            _, _, flow, left, args = heappop(messages)
            flow.queued -= 1
            if not flow.queued:
                self._active -= 1
            left(*args)
        if messages:
            self._set_alarm()


class Downlink:
    """Receives at `rate`, first come first served."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.received = 0.0
        """Bytes so far, with headers."""
        self._free_at = 0.0

    def receive(self, began: float, ended: float, size: float) -> float:
        """When a message is here that reaches the link between these times."""
        self.received += size
        if self.rate <= 0:
            return math.inf
        if self._free_at < began:
            self._free_at = began
        self._free_at += size / self.rate
        return self._free_at if self._free_at > ended else ended
