"""Timers: of several parts of a core, each with a time at which it wants to be called or none, the next."""

from __future__ import annotations


def earliest(first: float, *others: float | None) -> float:
    """The earliest of these times; None is none. Asked after every input, so it is a plain loop."""
    for other in others:
        if other is not None and other < first:
            first = other
    return first
