"""Pace: whether a peer falls behind those it is connected to.

Where links are unequal chance decides who is connected to the fast: slow peers shake hands later, find these full, and
keep one another's company. Nobody tells them that it goes better elsewhere, but they see what others get meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2p_node.core.connection import Connection

AHEAD = 1.25
"""Who has so many times more is ahead. By chance alone a quarter of a crowd with equal links has 1.15 times as much as
some of it."""

BEGUN = 50
"""Nobody is behind before it has so many pieces: with fewer, chance decides."""

QUARTER = 4
"""So many of its peers, or more, must be ahead of who is behind: a single fast one says nothing."""


def falls_behind(got: int, piece_count: int, peers: Iterable[Connection]) -> bool:
    """Whether a quarter of the peers that began when we did have many more pieces than the `got` here; those that lack
    nothing do not count."""
    if got < BEGUN:
        return False
    counts = (peer.have.bit_count() for peer in peers if peer.had < BEGUN)
    others = sorted((count for count in counts if count < piece_count), reverse=True)
    return len(others) >= QUARTER and others[len(others) // QUARTER] > AHEAD * got
