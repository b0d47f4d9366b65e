"""One attempt to have a wish fulfilled over a control socket, blocking, and given up at its deadline.

Plain http.client over a Unix-domain socket; in the demand process gevent makes it cooperative.
"""

from __future__ import annotations

import http.client
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec

from harness.demand.messages import Answered, Assignment, Ended, Question, Wish
from harness.demand.plan import given_up
from harness.errors import SwarmbenchError


class ControlConnection(http.client.HTTPConnection):
    """HTTP to a fleet's Unix-domain socket."""

    def __init__(self, control: str) -> None:
        super().__init__("fleet")
        self._control = control

    def connect(self) -> None:
        """Connect to the socket's path instead of a TCP port."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._control)

    def ask(self, method: str, path: str, body: object = None) -> http.client.HTTPResponse:
        """The answer to a request, which is a success; raises SwarmbenchError with the fleet's words otherwise."""
        content = None if body is None else msgspec.json.encode(body)
        self.request(method, path, body=content, headers={"Content-Type": "application/json"} if content else {})
        response = self.getresponse()
        if response.status >= 400:
            raise SwarmbenchError(
                f"the fleet answered {response.status}: {response.read(500).decode(errors='replace')}"
            )
        return response


class Attempt(ABC):
    """A request whose answer is a stream of events."""

    error: str | None = None
    """Why it did not succeed; None when it did."""

    def __init__(self, wish: Wish | Question, t0: float, deadline_s: float) -> None:
        self._intended_s = wish.intended_s
        self._t0 = t0
        self._deadline_s = deadline_s
        self._connection = ControlConnection(wish.control)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Connect ahead of the moment, so that the connection's cost is not the peer's; a failure shows in `run`."""
        try:
            self._connection.connect()
        except OSError as error:
            self.error = f"the fleet's control socket does not answer ({error.strerror})"
        try:
            yield
        finally:
            self._connection.close()

    def run(self, timeout: Callable[[float, bool], AbstractContextManager[Any]]) -> None:
        """Attempt it until done or the deadline; `timeout(seconds, False)` leaves its block silently at its end."""
        if self.error is not None:
            return
        left = self._t0 + self._intended_s + self._deadline_s - time.monotonic()
        self.error = given_up(self._deadline_s)
        with timeout(left, False):
            try:
                self.follow(self._connection)
            except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
                self.error = _in_one_line(f"lost the fleet: {error or type(error).__name__}")
            except SwarmbenchError as error:
                self.error = _in_one_line(str(error))

    @abstractmethod
    def follow(self, connection: ControlConnection) -> None:
        """Ask, and take what comes until the last event; sets `error`."""

    @property
    @abstractmethod
    def done_s(self) -> float | None:
        """When it succeeded, in seconds after `t0`."""

    @property
    @abstractmethod
    def bytes(self) -> int:
        """How much it delivered."""

    @abstractmethod
    def report(self, assignment: Assignment) -> Ended | Answered:
        """What came of it, well or not."""


def _in_one_line(text: str) -> str:
    """Whatever the fleet, which may be anybody's, has put into it."""
    return " ".join(text.split())
