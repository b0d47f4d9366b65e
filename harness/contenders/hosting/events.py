"""The events of a fetch, exactly as docs/control-api.md names them."""

from __future__ import annotations

import msgspec

PROGRESS_S = 0.25
PROGRESS_SHARE = 0.01
"""Shortest time between two `progress` events, in seconds and as a share of the time since the fetch began: a thousand
slow peers would else keep half a core busy with telling."""


def progress_pause_s(elapsed_s: float) -> float:
    """Seconds until the next `progress` event, after so many since the fetch began."""
    return max(PROGRESS_S, PROGRESS_SHARE * elapsed_s)


class Started(msgspec.Struct, frozen=True, tag_field="event", tag="started"):
    """The fetch begins."""

    at: float


class FirstByte(msgspec.Struct, frozen=True, tag_field="event", tag="first_byte"):
    """The first payload byte came."""

    at: float


class Progress(msgspec.Struct, frozen=True, tag_field="event", tag="progress"):
    """Bytes hashed and stored so far; that they are right is known only at the end, for the hash is of the whole."""

    at: float
    bytes: int


class Sources(msgspec.Struct, frozen=True):
    """Who delivered the useful bytes; to a fetcher everything comes from the origin."""

    origin: int
    peers: int = 0
    webseed: int = 0


class Done(msgspec.Struct, frozen=True, tag_field="event", tag="done"):
    """The end, once and last: verified and stored at `at`, or failed with one line."""

    at: float
    ok: bool
    bytes: int
    error: str | None
    path: str | None
    sources: Sources
    wasted_bytes: int


Event = Started | FirstByte | Progress | Done
