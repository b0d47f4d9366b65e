"""Requests to become somebody's neighbour that wait for an answer: repeated once, then given up."""

from __future__ import annotations

import math
from dataclasses import dataclass

from p2p_node.discovery.gossip.outbox import Outbox
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import NO_COOKIE, Join, Neighbor

ANSWER_S = 1.0
"""Time for an answer, to a request and to its repetition."""

MAX_TRIES = 2
MAX_COOKIES = 2
"""Cookies taken for one request: the second one is for who restarted in between."""


@dataclass(slots=True)
class Request:
    """A question to this address: to be let in through it, or to become its neighbour."""

    to: Address
    joins: bool
    urgent: bool
    due: float
    tries: int = 1
    cookie: bytes = NO_COOKIE
    cookies: int = 0


class Requests:
    """Those under way, by whom they are to."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: dict[Address, Request] = {}

    @property
    def timer(self) -> float:
        """When `tick` is due."""
        return min((request.due for request in self._waiting.values()), default=math.inf)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, address: Address) -> bool:
        return address in self._waiting

    def ask(self, to: Address, joins: bool, urgent: bool, now: float) -> None:
        """Ask this node."""
        request = self._waiting[to] = Request(to, joins, urgent, now + ANSWER_S)
        self._send(request)

    def ask_again(self, source: Address, cookie: bytes, now: float) -> bool:
        """It wants to see this cookie. False when it was not asked, or makes a game of it."""
        request = self._waiting.get(source)
        if request is None or request.cookies == MAX_COOKIES:
            return False
        request.cookie = cookie
        request.cookies += 1
        request.due = now + ANSWER_S
        self._send(request)
        return True

    def answered(self, source: Address, cookie: bytes) -> bool:
        """An answer came to the request that had this cookie: the request is over. False when there is none."""
        request = self._waiting.get(source)
        if request is None or request.cookie == NO_COOKIE or request.cookie != cookie:
            return False
        del self._waiting[source]
        return True

    def drop(self, to: Address) -> None:
        """An answer is needed no more."""
        self._waiting.pop(to, None)

    def clear(self) -> None:
        """No answer is needed any more."""
        self._waiting.clear()

    def tick(self, now: float) -> list[Request]:
        """Repeat what is unanswered; returns what is given up."""
        given_up = []
        for request in [request for request in self._waiting.values() if now >= request.due]:
            if request.tries == MAX_TRIES:
                given_up.append(self._waiting.pop(request.to))
            else:
                request.tries += 1
                request.due = now + ANSWER_S
                self._send(request)
        return given_up

    def _send(self, request: Request) -> None:
        frame = Join(request.cookie) if request.joins else Neighbor(request.urgent, request.cookie)
        self._outbox.send(request.to, frame)
