"""A peer of a fleet whose client is a whole BitTorrent program of its own: what it does is followed, not done, here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.contenders.hosting.errors import FetchFailed, Refused
from harness.contenders.hosting.events import Done, Event, FirstByte, Progress, Sources, Started, progress_pause_s
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import FetchOrder, PeerOrder, State


@dataclass(slots=True)
class Account:
    """What a client has done so far for its one download; the client writes it and sets `changed`.

    Times are of `time.monotonic()`, sizes bytes of payload.
    """

    path: Path | None = None
    size: int = 0
    verified: int = 0
    first_byte_at: float | None = None
    completed_at: float | None = None
    """When the last byte was verified and stored."""
    failure: str | None = None
    from_origin: int = 0
    wasted: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self.completed_at is not None or self.failure is not None

    def complete(self) -> None:
        """Everything is verified and stored now."""
        if not self.ended:
            self.completed_at = time.monotonic()
            self.first_byte_at = self.first_byte_at or self.completed_at
            self.verified = self.size
            self.changed.set()

    def fail(self, reason: str) -> None:
        """End the download, if it has not ended."""
        if not self.ended:
            self.failure = reason
        self.changed.set()


class Client(Protocol):
    """A BitTorrent client in place on its peer's address, which keeps seeding what it has."""

    port: int
    account: Account

    async def download(self, torrent: Path, origin: str | None) -> None:
        """Begin to download; raises FetchFailed. What comes of it stands in `account`."""
        ...

    def look(self) -> None:
        """Bring what the client does not tell by itself – delivered by whom, wasted – up to date in `account`."""
        ...

    async def close(self) -> None:
        """End the client."""
        ...


class SwarmPeer:
    """A client and its fetch (implements `hosting.peer.Peer`); it fetches once, and then seeds until it is removed."""

    def __init__(self, order: PeerOrder, client: Client, tally: Tally) -> None:
        self.name = order.id
        self.address = order.address
        self.port = client.port
        self.state = State.IDLE
        self._client = client
        self._tally = tally

    @property
    def bytes(self) -> int:
        """Verified bytes so far."""
        return self._client.account.verified

    async def fetch(self, order: FetchOrder) -> AsyncGenerator[Event, None]:
        """Download a torrent and tell how it goes; a cancelled fetch ends the client. Raises Refused (409)."""
        if self.state is not State.IDLE:
            raise Refused(409, f"peer {self.name!r} has fetched already or is fetching")
        account = self._client.account
        self.state = State.FETCHING
        self._tally.fetching += 1
        try:
            yield Started(time.monotonic())
            try:
                await self._client.download(Path(order.source), order.origin)
            except FetchFailed as failure:
                account.fail(str(failure))
            async for event in self._events(account):
                yield event
            self._client.look()
            self.state = State.DONE if account.failure is None else State.FAILED
            yield _done(account)
        finally:
            self._tally.fetching -= 1
            self._tally.ended(account.failure is None and account.ended)
            self._tally.received_bytes += account.verified + account.wasted
            if not account.ended:
                await self.stop("cancelled")

    async def stop(self, reason: str, *, abrupt: bool = False) -> None:
        """End the client; foreign clients know one way to leave only, so `abrupt` changes nothing."""
        self.state = State.DONE if self.state is State.DONE else State.FAILED
        self._client.account.fail(reason)
        await self._client.close()

    async def _events(self, account: Account) -> AsyncIterator[Event]:
        """First byte and progress, until the download has ended."""
        told = False
        seen, began_at, next_look = 0, time.monotonic(), 0.0
        while not account.ended or not told:
            if account.first_byte_at is not None and not told:
                told = True
                yield FirstByte(account.first_byte_at)
                continue
            if account.ended:
                return
            now = time.monotonic()
            if now >= next_look:
                next_look = now + progress_pause_s(now - began_at)
                self._client.look()
                if account.verified > seen:
                    seen = account.verified
                    yield Progress(now, seen)
            account.changed.clear()
            try:
                await asyncio.wait_for(account.changed.wait(), max(0.0, next_look - time.monotonic()))
            except TimeoutError:
                continue


def _done(account: Account) -> Done:
    ok = account.failure is None
    useful = account.size if ok else account.verified
    from_origin = min(account.from_origin, useful)
    return Done(
        at=account.completed_at if ok and account.completed_at is not None else time.monotonic(),
        ok=ok,
        bytes=useful,
        error=account.failure,
        path=str(account.path) if account.path else None,
        sources=Sources(origin=from_origin, peers=useful - from_origin),
        wasted_bytes=account.wasted,
    )
