"""One fetch: a peer is asked for the item, its events are followed, and it is turned into a Transfer."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import quote

import msgspec

from harness.demand.attempt import Attempt, ControlConnection
from harness.demand.messages import Assignment, Ended, Wish
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


class Fetch(Attempt):
    """One peer's fetch; what happened is kept whether it ends well or not. Times are seconds after `t0`."""

    def __init__(self, wish: Wish, t0: float, deadline_s: float, verified: dict[str, int]) -> None:
        super().__init__(wish, t0, deadline_s)
        self._wish = wish
        self._verified = verified
        self._started_s: float | None = None
        self._first_peer_s: float | None = None
        self._first_byte_s: float | None = None
        self._done: Event | None = None

    @property
    def done_s(self) -> float | None:
        """When the whole item was there, verified."""
        return self._done.at - self._t0 if self._done and self._done.ok else None

    @property
    def bytes(self) -> int:
        """How much of it there is."""
        return self._done.bytes if self._done else self._verified.get(self._wish.host, 0)

    def report(self, assignment: Assignment) -> Ended:
        """What came of it, and where the peer says the item lies."""
        return Ended(self._transfer(assignment), self._done.path if self._done else None)

    def _transfer(self, assignment: Assignment) -> Transfer:
        done = self._done
        return Transfer(
            contender=assignment.contender,
            peers=assignment.peers,
            repeat=assignment.repeat,
            host=self._wish.host,
            intended_s=self._wish.intended_s,
            started_s=self._started_s,
            first_byte_s=self._first_byte_s,
            done_s=self.done_s,
            bytes=self.bytes,
            ok=self.done_s is not None,
            error=self.error,
            sources=done.sources if done else Sources(),
            wasted_bytes=done.wasted_bytes if done else 0,
            first_peer_s=self._first_peer_s,
        )

    def follow(self, connection: ControlConnection) -> None:
        """Ask the peer to fetch, and hear how it goes."""
        response = connection.ask("POST", f"/peers/{quote(self._wish.peer)}/fetch", self._wish.fetch)
        for line in response:
            self._take(msgspec.json.decode(line, type=Event))
        if self._done is None:
            self.error = "lost the fleet: it closed the stream before the fetch was done"

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
                self.error = None if event.ok else event.error or "failed, and the fleet does not say why"


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
