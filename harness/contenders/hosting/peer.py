"""What a fleet hosts: peers, as the control API sees them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated, Protocol

import msgspec

from harness.contenders.hosting.events import Event

Rate = Annotated[float, msgspec.Meta(gt=0)] | None


class PeerOrder(msgspec.Struct, frozen=True):
    """The body of `POST /peers`."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    address: str
    directory: str
    upload_rate: Rate = None
    download_rate: Rate = None


class FetchOrder(msgspec.Struct, frozen=True):
    """The body of `POST /peers/{id}/fetch`."""

    source: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")] | None = None
    origin: str | None = None


class State(Enum):
    """What a peer is doing."""

    IDLE = "idle"
    FETCHING = "fetching"
    DONE = "done"
    FAILED = "failed"


class Peer(Protocol):
    """One peer: an address, a directory, and at most one fetch at a time."""

    name: str
    address: str
    port: int
    """Where it listens; 0 for one that is never connected to."""
    state: State

    @property
    def bytes(self) -> int:
        """Bytes of the last fetch that are verified and stored."""
        ...

    def fetch(self, order: FetchOrder) -> AsyncGenerator[Event, None]:
        """Fetch an item and tell how it goes, `Done` last. Closing the stream cancels the fetch.

        Raises Refused before anything is awaited.
        """
        ...

    async def stop(self, reason: str, *, abrupt: bool = False) -> None:
        """End the fetch under way, if any, as failed, and let go of everything."""
        ...
