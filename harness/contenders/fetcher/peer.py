"""A peer of the fleet: an address, a directory, and at most one fetch at a time, told as a stream of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Protocol

from harness.contenders.fetcher.source import Source, parse
from harness.contenders.hosting.errors import FetchFailed, Refused
from harness.contenders.hosting.events import Done, Event, FirstByte, Progress, Sources, Started, progress_pause_s
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import FetchOrder, PeerOrder, State

_SILENCE_S = 60.0
"""Without a single byte, after which the server is given up."""


class Download(Protocol):
    """One download, done by whichever client."""

    first_byte: asyncio.Future[float]
    finished: asyncio.Future[float]
    """When the item was verified and stored; fails with FetchFailed."""

    @property
    def path(self) -> Path:
        """Where the item is stored once the download has finished."""
        ...

    @property
    def received(self) -> int:
        """Bytes of content that came."""
        ...

    @property
    def stored(self) -> int:
        """Bytes stored so far."""
        ...

    async def connect(self, address: str) -> None:
        """Begin, from `address`. Raises FetchFailed."""
        ...

    def fail(self, failure: FetchFailed, *, abrupt: bool = False) -> None:
        """End the download, if it has not ended; `abrupt` resets the connection instead of closing it."""
        ...

    def hang_up(self) -> None:
        """Close the connection, however far it has come."""
        ...


class Client(Protocol):
    """What makes downloads: our own client, or curl."""

    def __call__(self, source: Source, directory: Path, sha256: str | None) -> Download:
        """A download into a directory, not begun."""
        ...


class Fetcher:
    """One downloader."""

    port = 0

    def __init__(self, order: PeerOrder, tally: Tally, client: Client) -> None:
        self.name = order.id
        self.address = order.address
        self.state = State.IDLE
        self._directory = Path(order.directory)
        self._tally = tally
        self._client = client
        self._download: Download | None = None

    @property
    def bytes(self) -> int:
        """Bytes of the last fetch that are stored."""
        return self._download.stored if self._download else 0

    async def fetch(self, order: FetchOrder) -> AsyncGenerator[Event, None]:
        """Fetch an item and tell how it goes, `Done` last. Closing the stream cancels the fetch.

        Raises Refused (409), before anything is awaited, when a fetch is under way.
        """
        if self.state is State.FETCHING:
            raise Refused(409, f"peer {self.name!r} is fetching already")
        source = parse(order.source)
        sha256 = order.sha256.lower() if order.sha256 else None
        download = self._download = self._client(source, self._directory, sha256)
        self.state = State.FETCHING
        self._tally.fetching += 1
        try:
            yield Started(time.monotonic())
            try:
                await download.connect(self.address)
                async for event in self._events(download):
                    yield event
                done = _done(download, await download.finished, None)
                self.state = State.DONE
            except FetchFailed as failure:
                done = _done(download, time.monotonic(), str(failure))
                self.state = State.FAILED
            self._tally.ended(done.ok)
            yield done
        finally:
            self._tally.fetching -= 1
            self._tally.received_bytes += download.received
            self._forsake(download)

    async def stop(self, reason: str, *, abrupt: bool = False) -> None:
        """End the fetch under way, if any, as failed."""
        if self._download is not None:
            self._download.fail(FetchFailed(reason), abrupt=abrupt)

    async def _events(self, download: Download) -> AsyncIterator[Event]:
        """First byte and progress, until the download has ended."""
        finished, first = download.finished, download.first_byte
        told = seen = 0
        began_at = heard_at = time.monotonic()
        while not finished.done():
            waiting = {finished} if told or first.done() else {finished, first}
            pause_s = progress_pause_s(heard_at - began_at)
            await asyncio.wait(waiting, timeout=min(pause_s, _SILENCE_S), return_when=asyncio.FIRST_COMPLETED)
            now = time.monotonic()
            if first.done() and not told:
                told = 1
                yield FirstByte(first.result())
            elif download.stored > seen and not finished.done():
                seen = download.stored
                heard_at = now
                yield Progress(now, seen)
            elif now - heard_at > _SILENCE_S:
                raise FetchFailed(f"the server sent nothing for {_SILENCE_S:.0f} s")

    def _forsake(self, download: Download) -> None:
        """Leave nothing behind of a fetch that nobody waits for any more."""
        if not download.finished.done():
            self.state = State.FAILED
            self._tally.ended(False)
        download.fail(FetchFailed("cancelled"))
        download.hang_up()
        download.finished.exception()  # retrieved, or the loop would complain of it


def _done(download: Download, at: float, error: str | None) -> Done:
    useful = download.stored if error is None else 0
    return Done(
        at=at,
        ok=error is None,
        bytes=useful,
        error=error,
        path=str(download.path) if error is None else None,
        sources=Sources(origin=useful),
        wasted_bytes=download.received - useful,
    )
