"""One search in a model of a network."""

from __future__ import annotations

from typing import NamedTuple


class Search(NamedTuple):
    """Hops to the node that told (None: nobody was found), and messages sent for it in the whole network."""

    hops: int | None
    messages: int
