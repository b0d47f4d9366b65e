"""One lookup: a node is asked to look for a key, and its events are followed until the network has told all it will."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from harness.demand.attempt import Attempt, ControlConnection
from harness.demand.messages import Answered, Assignment, Question


class Event(msgspec.Struct, frozen=True):
    """A line of a lookup's stream (docs/control-api.md); which fields count depends on `event`."""

    event: str
    at: float
    lookup: str = ""
    peers: list[str] = []
    hops: int = 0


class Seek(Attempt):
    """One node's lookup; what was found is kept whether it ends well or not. Times are seconds after `t0`."""

    def __init__(self, question: Question, t0: float, deadline_s: float) -> None:
        super().__init__(question, t0, deadline_s)
        self._question = question
        self._lookup: str | None = None
        self._started_s: float | None = None
        self._first_peer_s: float | None = None
        self._hops: int | None = None
        self._longest: int | None = None
        self._done_s: float | None = None
        self._peers: list[str] = []

    @property
    def done_s(self) -> float | None:
        """When the network had told all."""
        return self._done_s

    @property
    def bytes(self) -> int:
        """Nothing is delivered."""
        return 0

    def report(self, assignment: Assignment) -> Answered:
        """What was found."""
        return Answered(
            number=self._question.number,
            lookup=self._lookup,
            started_s=self._started_s,
            first_peer_s=self._first_peer_s,
            done_s=self._done_s,
            peers=self._peers,
            hops=self._hops,
            longest=self._longest,
            error=self.error,
        )

    def follow(self, connection: ControlConnection) -> None:
        """Ask the node to look, and hear what it finds."""
        response = connection.ask("POST", f"/nodes/{quote(self._question.node)}/lookup", {"key": self._question.key})
        for line in response:
            self._take(msgspec.json.decode(line, type=Event))
        if self._done_s is None:
            self.error = "lost the fleet: it closed the stream before the lookup was done"

    def _take(self, event: Event) -> None:
        at_s = event.at - self._t0
        match event.event:
            case "started":
                self._started_s, self._lookup = at_s, event.lookup
            case "found":
                if self._first_peer_s is None:
                    self._first_peer_s, self._hops = at_s, event.hops
                self._peers += event.peers
            case "done":
                self._done_s, self._longest, self.error = at_s, event.hops, None
