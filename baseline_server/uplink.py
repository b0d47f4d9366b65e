"""Who may send when: all at once, or in turns under one rate. The rule: turns go round in order."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto
from typing import Protocol

from baseline_server.throttle import TokenBucket

UNTHROTTLED_TURN = 1 << 20
"""Bytes a connection may send in one turn without a rate; the loop then serves whoever else is ready."""


class Turn(Enum):
    """How a turn ended."""

    MORE = auto()  # more to send, and the socket would take it
    BLOCKED = auto()  # the socket is full; it will ask again when it is writable
    DONE = auto()
    FAILED = auto()


class Sender(Protocol):
    """Who asks for turns."""

    def take_turn(self, limit: int) -> tuple[Turn, int]:
        """Send up to about `limit` bytes now; returns how it ended and the bytes sent."""
        ...


class Uplink:
    """The shared uplink at `rate` bytes per second."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: float) -> None:
        self._loop = loop
        self._bucket = TokenBucket(rate, loop.time())
        self._waiting: deque[Sender] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._giving = False

    def ask(self, sender: Sender) -> None:
        """Queue for a turn; a sender is in the queue at most once, for it asks only when its last turn is over."""
        self._waiting.append(sender)
        if self._timer is None and not self._giving:
            now = self._loop.time()
            self._bucket.resume(now)
            self._timer = self._loop.call_later(self._bucket.wait_s(now), self._give_turns)

    def forget(self, sender: Sender) -> None:
        """Take a sender that is going away out of the queue."""
        if sender in self._waiting:
            self._waiting.remove(sender)

    def _give_turns(self) -> None:
        self._timer = None
        self._giving = True  # who is done may ask for its next response at once
        bucket = self._bucket
        wait_s = bucket.wait_s(self._loop.time())
        while self._waiting and wait_s == 0.0:
            sender = self._waiting.popleft()
            turn, sent = sender.take_turn(bucket.turn)
            bucket.spend(sent)
            if turn is Turn.MORE:
                self._waiting.append(sender)
            wait_s = bucket.wait_s(self._loop.time())
        self._giving = False
        if self._waiting:
            self._timer = self._loop.call_later(max(wait_s, 0.001), self._give_turns)
