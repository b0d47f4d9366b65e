"""What goes wrong with a fetch, apart from what a caller of the control API asks wrongly."""

from __future__ import annotations


class FetchFailed(Exception):
    """The item did not arrive whole and right; the message is the one line of the `done` event."""


class Refused(Exception):
    """A request to the control API that cannot be granted: its HTTP status and one line."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
