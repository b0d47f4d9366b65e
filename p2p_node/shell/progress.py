"""How far a peer has come, and whom to wake when it comes further."""

from __future__ import annotations

import asyncio
import time

from p2p_node.shell.errors import NodeError

PIECES_TOLD_S = 0.25
TOLD_SHARE = 0.01
"""Shortest time between two pieces of news of verified pieces, in seconds and as a share of the time since the first
byte: each costs as much as a tenth of the piece's hash, and a thousand slow peers would tell a thousand a second."""


class Progress:
    """What one peer has reached so far; times are seconds of `time.monotonic()`."""

    def __init__(self) -> None:
        self.first_peer_at: float | None = None
        """When it first knew of another peer."""
        self.first_byte_at: float | None = None
        """When the first payload byte came."""
        self.completed_at: float | None = None
        """When the last payload byte was verified."""
        self.pieces_at: float | None = None
        """When it last had news of verified pieces."""
        self.failed: NodeError | None = None
        """Why it can go on no more."""
        self._news = asyncio.Event()

    # What the peer reports

    def met_another(self) -> None:
        """It knows of another peer."""
        if self.first_peer_at is None:
            self.first_peer_at = time.monotonic()
            self._news.set()

    def received(self) -> None:
        """Payload came."""
        if self.first_byte_at is None:
            self.first_byte_at = time.monotonic()
            self._news.set()

    def learned(self) -> None:
        """The torrent that a magnet link stands for is known."""
        self._news.set()

    def verified(self) -> None:
        """Another piece is here."""
        now = time.monotonic()
        elapsed_s = now - self.first_byte_at if self.first_byte_at is not None else 0.0
        if self.pieces_at is None or now - self.pieces_at >= max(PIECES_TOLD_S, TOLD_SHARE * elapsed_s):
            self.pieces_at = now
            self._news.set()

    def completed(self) -> None:
        """Every piece is here."""
        self.completed_at = time.monotonic()
        self._news.set()

    def fail(self, error: NodeError) -> None:
        """It can go on no more."""
        self.failed = error
        self._news.set()

    # What others ask

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.completed_at is not None or self.failed is not None

    def check(self) -> None:
        """Raise the NodeError for which it can go on no more, if there is one."""
        if self.failed is not None:
            raise self.failed

    async def news(self) -> None:
        """Return when it has come further than at the last call. Raises NodeError when it can go on no more."""
        self.check()
        await self._news.wait()
        self._news.clear()

    async def completion(self) -> None:
        """Return when every piece is verified. Raises NodeError when it can go on no more."""
        while self.completed_at is None:
            await self.news()
