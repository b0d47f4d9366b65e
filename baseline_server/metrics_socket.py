"""`/metrics` on a Unix socket: for who is not to reach the port, or must not be among the clients that are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from baseline_server.errors import BaselineServerError
from baseline_server.metrics import CONTENT_TYPE

_PATIENCE_S = 5.0
_LINE = b"GET /metrics "
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"


@asynccontextmanager
async def serving_metrics(path: Path, exposition: Callable[[], bytes]) -> AsyncIterator[None]:
    """Answer requests, one a connection, as long as this lasts; raises BaselineServerError where it cannot listen."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                text = exposition()
                writer.write(_OK % (CONTENT_TYPE, len(text), text) if head.startswith(_LINE) else _NOT_FOUND)
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_unix_server(answer, path)
    except OSError as error:
        raise BaselineServerError(f"--metrics-socket {path}: cannot listen there ({error.strerror or error})") from None
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
