"""What the harness and the demand process say to each other: JSON Lines over its standard input and output.

The process says `Ready` when Locust is imported and waits. The harness sends one `Assignment` when the contender is in
place, and hears `Progress`, and `Ended` or `Answered`, until every wish has come to its end. Closing the input ends the
process.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.results.schema import Transfer


class Wish(msgspec.Struct, frozen=True, tag="fetch"):
    """One peer's demand: when it wants the item (seconds after `t0`), and where its fetch is asked for."""

    host: str
    intended_s: float
    control: str
    peer: str
    fetch: dict[str, str | None]
    spec: dict[str, str | float | None]
    """The body that made the peer, for a person who drives by hand and fetches again."""


class Question(msgspec.Struct, frozen=True, tag="lookup"):
    """One lookup: when it begins (seconds after `t0`), the node that looks, and the key it looks for, in hex."""

    number: int
    intended_s: float
    control: str
    node: str
    key: str


class Assignment(msgspec.Struct, frozen=True):
    """A step to act out: `t0` on CLOCK_MONOTONIC, the wishes by intended start, and when each is given up."""

    contender: str
    peers: int
    repeat: int
    t0: float
    deadline_s: float
    wishes: Sequence[Wish | Question]
    ui_port: int | None = None
    """When set, no plan is replayed: Locust's web UI on this port lets a person start the users."""
    by_host: bool = False
    """Whether progress is told by host as well."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Locust is imported and waits for its assignment, or its web UI is up."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far all wishes together are: verified bytes, wishes that came to their end, and all that have begun; and how
    the process itself copes."""

    bytes: int
    ended: int
    begun: int = 0
    users: int = 0
    """Users spawned so far, each with a wish of its own."""
    late_s: float = 0.0
    """By how much the latest of those that have begun was behind its intended start."""
    lag_s: float = 0.0
    """By how much the process woke too late to tell this."""
    by_host: dict[str, int] = {}
    """Verified bytes of each host, where they are asked for."""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """One transfer ended, well or not; `path` is where its peer says the item lies."""

    transfer: Transfer
    path: str | None


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """One lookup ended, well or not; times are seconds after `t0`, None for what did not happen."""

    number: int
    lookup: str | None
    """What the network calls it, in hex."""
    started_s: float | None
    first_peer_s: float | None
    done_s: float | None
    peers: list[str]
    """Who was found: `address:port`, in the order found."""
    hops: int | None
    """To the node that told of the first peer."""
    longest: int | None
    error: str | None


Report = Ready | Progress | Ended | Answered
