"""The sending end: every connection gets the item from its first byte to its last, straight from a memory map."""

from __future__ import annotations

import asyncio
import mmap
import socket
from contextlib import suppress
from pathlib import Path
from typing import cast

WRITE = 1 << 20
"""Bytes a write: smaller ones cost more for each byte (ADR 0002)."""

UNPACED = b"reno"
"""Congestion control, as the node and the server choose it within a machine (ADR 0078)."""


class Sender(asyncio.Protocol):
    """One connection; `item` must not shrink while it is served."""

    def __init__(self, item: memoryview) -> None:
        self._item = item
        self._sent = 0
        self._transport: asyncio.Transport | None = None
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send at once; nobody asks."""
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def pause_writing(self) -> None:
        """The connection is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """There is room again."""
        self._writable = True
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        while self._writable and self._sent < len(self._item):
            part = self._item[self._sent : self._sent + WRITE]
            self._sent += len(part)
            self._transport.write(part)


async def serve(item: Path, address: str, port: int) -> asyncio.Server:
    """Serve a file to whoever connects."""
    with item.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    listener = socket.create_server((address, port))
    with suppress(OSError, AttributeError):  # not Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, UNPACED)
    return await asyncio.get_running_loop().create_server(lambda: Sender(content), sock=listener)
