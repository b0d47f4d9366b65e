"""What the harness and the demand process say to each other: JSON Lines over its standard input and output.

The process says `Ready` when Locust is imported and waits. The harness sends one `Assignment` when the contender is in
place, and hears `Progress` and `Ended` until every peer's transfer has ended. Closing the input ends the process.
"""

from __future__ import annotations

import msgspec

from harness.results.schema import Transfer


class Wish(msgspec.Struct, frozen=True):
    """One peer's demand: when it wants the item (seconds after `t0`), and where its fetch is asked for."""

    host: str
    intended_s: float
    control: str
    peer: str
    fetch: dict[str, str | None]
    spec: dict[str, str | float | None]
    """The body that made the peer, for a person who drives by hand and fetches again."""


class Assignment(msgspec.Struct, frozen=True):
    """A step to act out: `t0` on CLOCK_MONOTONIC, the wishes by intended start, and when a transfer is given up."""

    contender: str
    peers: int
    repeat: int
    t0: float
    deadline_s: float
    wishes: list[Wish]
    ui_port: int | None = None
    """When set, no plan is replayed: Locust's web UI on this port lets a person start the users."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Locust is imported and waits for its assignment, or its web UI is up."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far all transfers together are: verified bytes, and transfers that ended."""

    bytes: int
    ended: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """One transfer ended, well or not; `path` is where its peer says the item lies."""

    transfer: Transfer
    path: str | None


Report = Ready | Progress | Ended
