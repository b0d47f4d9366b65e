"""A torrent's dealings with its host's discovery: whom it wants found, and when it looks for others.

The rule: it looks when it begins, and again only while peers are few, at waits that double.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2p_node.boundary import Effect, Provide, Seek, Withdraw

FIRST_WAIT_S = 1.0
"""In a crowd that comes all at once, the first lookups find hardly anybody: those of a second later find the others."""

MAX_WAIT_S = 60.0


class Search:
    """Seeks and provides one torrent, under each of its names; effects gather in `effects`.

    A host without a discovery ignores them.
    """

    def __init__(self, keys: Iterable[bytes], port: int) -> None:
        self.effects: list[Effect] = []
        self._keys = tuple(keys)
        self._port = port
        self._providing = False
        self._lonely = False
        self._seek_at = float("-inf")
        self._wait_s = FIRST_WAIT_S

    @property
    def timer(self) -> float | None:
        """When `tend` wants to be called."""
        return self._seek_at if self._lonely and self._keys else None

    def provide(self) -> None:
        """Let others find this peer from now on."""
        if not self._providing:
            self._providing = True
            self.effects += [Provide(key, self._port) for key in self._keys]

    def tend(self, lonely: bool, now: float) -> None:
        """Look for others if that is due, and needed because this peer is `lonely`."""
        self._lonely = lonely
        if not lonely:
            self._wait_s = FIRST_WAIT_S
        elif now >= self._seek_at:
            self.effects += [Seek(key) for key in self._keys]
            self._seek_at = now + self._wait_s
            self._wait_s = min(2 * self._wait_s, MAX_WAIT_S)

    def stop(self) -> None:
        """Be found no more."""
        self._lonely = False
        if self._providing:
            self.effects += [Withdraw(key) for key in self._keys]
            self._providing = False
