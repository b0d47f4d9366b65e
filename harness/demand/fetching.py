"""One fetch over a control socket, blocking: asked for, followed event by event, and turned into a Transfer.

Plain http.client over a Unix-domain socket; in the demand process gevent makes it cooperative.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from harness.demand.messages import Wish
from harness.errors import SwarmbenchError
from harness.results.schema import Sources, Transfer


class Event(msgspec.Struct, frozen=True):
    """A line of a fetch's stream (docs/control-api.md); which fields count depends on `event`."""

    event: str
    at: float
    bytes: int = 0
    ok: bool = False
    error: str | None = None
    path: str | None = None
    sources: Sources = Sources()
    wasted_bytes: int = 0


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


class Fetch:
    """One peer's fetch; what happened is kept whether it ends well or not. Times are seconds after `t0`."""

    def __init__(self, wish: Wish, t0: float, deadline_s: float, verified: dict[str, int]) -> None:
        self._wish = wish
        self._t0 = t0
        self._deadline_s = deadline_s
        self._verified = verified
        self._connection = ControlConnection(wish.control)
        self._started_s: float | None = None
        self._first_peer_s: float | None = None
        self._first_byte_s: float | None = None
        self._done: Event | None = None
        self._error: str | None = None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Connect ahead of the moment, so that the connection's cost is not the peer's; a failure shows in `run`."""
        try:
            self._connection.connect()
        except OSError as error:
            self._error = f"the fleet's control socket does not answer ({error.strerror})"
        try:
            yield
        finally:
            self._connection.close()

    def run(self, timeout: Callable[[float, bool], AbstractContextManager[Any]]) -> None:
        """Fetch until `done` or the deadline; `timeout(seconds, False)` leaves its block silently when time is up."""
        if self._error is not None:
            return
        left = self._t0 + self._wish.intended_s + self._deadline_s - time.monotonic()
        self._error = f"given up: not done {self._deadline_s:.0f} s after its intended start"
        with timeout(left, False):
            try:
                self._follow()
            except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
                self._error = f"lost the fleet: {error or type(error).__name__}"
            except SwarmbenchError as error:
                self._error = str(error)

    @property
    def path(self) -> str | None:
        """Where the peer says the item lies."""
        return self._done.path if self._done else None

    def transfer(self, contender: str, peers: int, repeat: int) -> Transfer:
        """The record of this fetch."""
        done = self._done
        ok = done is not None and done.ok
        return Transfer(
            contender=contender,
            peers=peers,
            repeat=repeat,
            host=self._wish.host,
            intended_s=self._wish.intended_s,
            started_s=self._started_s,
            first_byte_s=self._first_byte_s,
            done_s=done.at - self._t0 if done and ok else None,
            bytes=done.bytes if done else self._verified.get(self._wish.host, 0),
            ok=ok,
            error=self._error,
            sources=done.sources if done else Sources(),
            wasted_bytes=done.wasted_bytes if done else 0,
            first_peer_s=self._first_peer_s,
        )

    def _follow(self) -> None:
        response = self._connection.ask("POST", f"/peers/{quote(self._wish.peer)}/fetch", self._wish.fetch)
        for line in response:
            self._take(msgspec.json.decode(line, type=Event))
        if self._done is None:
            self._error = "lost the fleet: it closed the stream before the fetch was done"

    def _take(self, event: Event) -> None:
        at_s = event.at - self._t0
        match event.event:
            case "started":
                self._started_s = at_s
            case "first_peer":
                self._first_peer_s = at_s
            case "first_byte":
                self._first_byte_s = at_s
            case "progress":
                self._verified[self._wish.host] = event.bytes
            case "done":
                self._done = event
                self._verified[self._wish.host] = event.bytes
                self._error = None if event.ok else event.error or "failed, and the fleet does not say why"


def renew(wish: Wish) -> None:
    """Replace a peer by a fresh one with nothing, so that it can fetch again; raises OSError or SwarmbenchError."""
    connection = ControlConnection(wish.control)
    try:
        connection.ask("DELETE", f"/peers/{quote(wish.peer)}?abrupt=1").read()
        directory = Path(str(wish.spec["directory"]))
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        connection.ask("POST", "/peers", wish.spec).read()
    finally:
        connection.close()
