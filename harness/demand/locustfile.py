"""The demand process: Locust users that want the item, each at its exact moment, through the fleets' control sockets.

It runs as `python -m harness.demand.locustfile`, outside the lab, and speaks messages.py with the harness. Nothing else
imports this module: Locust monkey-patches the process it is imported in, which starves event loops. One user is one
peer that wants the item once, or one lookup, and fires one `request` event, whose response time counts from the
intended start to the last verified byte, or to all that was found.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections import deque
from typing import Any, ClassVar

import gevent
import gevent.event
import gevent.os
import locust  # isort: split  # first, as it patches what the other imports bind
import msgspec
from locust.env import Environment
from locust.stats import get_stats_summary

from harness.demand.attempt import Attempt
from harness.demand.fetching import Fetch, renew
from harness.demand.messages import Answered, Assignment, Ended, Progress, Question, Ready, Wish
from harness.demand.seeking import Seek
from harness.errors import SwarmbenchError

SPAWN_AHEAD_S = 2.5
"""How long before their moment users are spawned: Locust's shape moves once a second, users sleep exactly."""

REPORT_EVERY_S = 0.25
"""As often as fleets report progress."""


class Stage:
    """What the users share: the assignment, the wishes nobody has taken yet, and the way to report."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.waiting = deque(assignment.wishes)
        self.bytes: dict[str, int] = {}
        self.users = 0
        self.begun = 0
        self.ended = 0
        self.late_s = 0.0
        self.lag_s = 0.0
        self.over = gevent.event.Event()
        """Set when every wish has come to its end."""

    def report_progress(self) -> None:
        """Tell the harness how far all wishes together are."""
        send(
            Progress(
                bytes=sum(self.bytes.values()),
                ended=self.ended,
                begun=self.begun,
                users=self.users,
                late_s=self.late_s,
                lag_s=self.lag_s,
                by_host=self.bytes if self.assignment.by_host else {},
            )
        )

    def report_until_over(self) -> None:
        """Tell it again and again, until every wish has come to its end."""
        due = time.monotonic() + REPORT_EVERY_S
        while not self.over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            self.lag_s, due = now - due, now + REPORT_EVERY_S
            self.report_progress()

    def begin(self, intended: float) -> None:
        """A wish that was intended for this moment begins now."""
        self.begun += 1
        self.late_s = max(self.late_s, time.monotonic() - intended)

    def report_end(self, report: Ended | Answered) -> None:
        """Tell the harness that a wish came to its end."""
        self.ended += 1
        over = self.ended == len(self.assignment.wishes)
        if over:
            self.report_progress()  # the harness hears nothing after the last end
        send(report)
        if over:
            self.over.set()


class PeerUser(locust.User):  # type: ignore[misc]  # Locust is imported without types
    """One peer that wants the item, or somebody who looks for it."""

    stage: ClassVar[Stage]
    wish: Wish | Question | None = None

    @locust.task  # type: ignore[untyped-decorator]  # as above
    def want_the_item(self) -> None:
        """Take a wish, wait for its moment, attempt it, say how it went; then stay: Locust replaces users who leave."""
        stage, assignment = self.stage, self.stage.assignment
        stage.users += 1
        self.wish = stage.waiting.popleft() if stage.waiting else None
        if self.wish is None:
            self._fire(0.0, 0, f"no idle peer is left: {len(assignment.wishes)} are deployed")
        elif isinstance(self.wish, Wish) and assignment.ui_port is not None:
            self._fetch_by_hand(self.wish)
        else:
            stage.report_end(self._attempt(assignment.t0, self.wish).report(assignment))
        gevent.sleep(float("inf"))

    def on_stop(self) -> None:
        """Give the peer back, for a person who starts users again."""
        if self.wish is not None and self.stage.assignment.ui_port is not None:
            self.stage.waiting.append(self.wish)

    def _fetch_by_hand(self, wish: Wish) -> None:
        try:
            renew(wish)
        except (OSError, SwarmbenchError) as error:
            self._fire(0.0, 0, str(error))
        else:
            self._attempt(time.monotonic(), wish)

    def _attempt(self, t0: float, wish: Wish | Question) -> Attempt:
        attempt = self._prepared(t0, wish)
        with attempt.connected():
            intended = t0 + wish.intended_s
            gevent.sleep(max(0.0, intended - time.monotonic()))
            self.stage.begin(intended)
            attempt.run(gevent.Timeout)
        ended_s = attempt.done_s if attempt.done_s is not None else time.monotonic() - t0
        self._fire(ended_s - wish.intended_s, attempt.bytes, attempt.error)
        return attempt

    def _prepared(self, t0: float, wish: Wish | Question) -> Attempt:
        deadline_s = self.stage.assignment.deadline_s
        if isinstance(wish, Wish):
            return Fetch(wish, t0, deadline_s, self.stage.bytes)
        return Seek(wish, t0, deadline_s)

    def _fire(self, seconds: float, size: int, error: str | None) -> None:
        self.environment.events.request.fire(
            request_type="LOOKUP" if isinstance(self.wish, Question) else "FETCH",
            name=self.stage.assignment.contender,
            response_time=seconds * 1000,
            response_length=size,
            exception=SwarmbenchError(error) if error else None,
            context={},
        )


class PlanShape(locust.LoadTestShape):  # type: ignore[misc]  # as above
    """Replays the plan: at any time there are as many users as peers whose moment has come or is near."""

    def __init__(self, assignment: Assignment) -> None:
        super().__init__()
        self.assignment = assignment

    def tick(self) -> tuple[int, float]:
        """The number of users, and a rate that spawns them all at once."""
        near = time.monotonic() + SPAWN_AHEAD_S - self.assignment.t0
        users = sum(wish.intended_s <= near for wish in self.assignment.wishes)
        return users, float(len(self.assignment.wishes))


def send(message: msgspec.Struct) -> None:
    """One line to the harness; if it is gone, so are we."""
    try:
        os.write(1, msgspec.json.encode(message) + b"\n")
    except BrokenPipeError:
        os._exit(1)


def act_out(assignment: Assignment) -> None:
    """Replay the plan until every wish has come to its end."""
    stage = PeerUser.stage = Stage(assignment)
    environment = Environment(user_classes=[PeerUser], shape_class=PlanShape(assignment))
    environment.create_local_runner().start_shape()
    stage.report_until_over()
    for line in get_stats_summary(environment.stats, current=False):
        logging.info(line)


def serve_ui(assignment: Assignment) -> None:
    """Let a person start and stop users in Locust's web UI until the harness closes our input."""
    environment = Environment(user_classes=[PeerUser])
    environment.create_local_runner()

    def start_afresh(**_: Any) -> None:
        PeerUser.stage = Stage(assignment)

    environment.events.test_start.add_listener(start_afresh)
    ui = environment.create_web_ui("127.0.0.1", assignment.ui_port)
    while ui.server is None or not ui.server.started:
        gevent.sleep(0.01)
    send(Ready())
    gevent.sleep(float("inf"))


def _leave_with_harness() -> None:
    while gevent.os.tp_read(0, 1):
        pass
    os._exit(0)


def main() -> None:
    """Say that Locust is warm, take the assignment, act it out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    send(Ready())
    line = sys.stdin.buffer.readline()
    if not line:
        return
    assignment = msgspec.json.decode(line, type=Assignment)
    gevent.spawn(_leave_with_harness)
    if assignment.ui_port is None:
        act_out(assignment)
    else:
        serve_ui(assignment)
    # Locust's greenlets have nothing left to say, and joining them would cost the run half a second a step.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
