"""Gets ranges of files from web seeds (BEP 19) over HTTP, streaming: no range is ever held in memory.

A server is believed only where it says that it sends exactly what was asked for: 206 with the right Content-Range, or
200 where the range is the whole file.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import aiohttp

from p2p_node.boundary import FetchRange

MAX_REDIRECTS = 5
CONNECT_S = 10.0

BUFFER = 128 * 1024
"""Bytes of a response that may wait in memory."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_TRY_LATER = frozenset({408, 425, 429})
"""Refusals that pass, beside all of the server's own errors (5xx)."""

Received: TypeAlias = Callable[[int, bytes], Awaitable[None]]
"""Takes bytes of a range; returns when more are wanted."""

Failed: TypeAlias = Callable[[int, str, float | None, bool], None]
"""Takes a range's number, what went wrong, the pause that the server asked for, and whether it is useless for good."""


class _Refused(Exception):
    """The server does not send what was asked for."""

    def __init__(self, reason: str, wish: float | None = None, for_good: bool = True) -> None:
        super().__init__(reason)
        self.wish = wish
        self.for_good = for_good


class WebClient:
    """Fetches ranges from `host`, an own address; tells what comes through the two callables."""

    def __init__(self, host: str, received: Received, failed: Failed) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(host, 0)),
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_S),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
            read_bufsize=BUFFER,
        )
        self._received = received
        self._failed = failed
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def fetch(self, order: FetchRange) -> None:
        """Begin to fetch a range."""
        task = asyncio.get_running_loop().create_task(self._fetch(order))
        self._tasks[order.number] = task
        task.add_done_callback(lambda _: self._tasks.pop(order.number, None))

    def cancel(self, number: int) -> None:
        """End a range; nothing more is told of it."""
        if task := self._tasks.pop(number, None):
            task.cancel()

    async def close(self) -> None:
        """End all ranges and connections."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    async def _fetch(self, order: FetchRange) -> None:
        wanted = {"Range": f"bytes={order.start}-{order.end - 1}"}
        try:
            async with self._session.get(order.url, headers=wanted, max_redirects=MAX_REDIRECTS) as response:
                _check(response, order)
                await self._stream(response, order)
        except _Refused as refusal:
            self._failed(order.number, str(refusal), refusal.wish, refusal.for_good)
        except (aiohttp.TooManyRedirects, aiohttp.RedirectClientError, aiohttp.InvalidURL) as error:
            self._failed(order.number, f"leads nowhere: {error!r}", None, True)
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            self._failed(order.number, str(error) or type(error).__name__, None, False)

    async def _stream(self, response: aiohttp.ClientResponse, order: FetchRange) -> None:
        left = order.end - order.start
        async for chunk in response.content.iter_any():
            if len(chunk) > left:
                raise _Refused("sends more than it promised")
            left -= len(chunk)
            await self._received(order.number, chunk)
        if left:
            raise _Refused(f"ended {left} bytes early", for_good=False)


def _check(response: aiohttp.ClientResponse, order: FetchRange) -> None:
    status = response.status
    if status in _TRY_LATER or status >= 500:
        raise _Refused(f"answers {status}", _wish(response.headers.get("Retry-After", "")), for_good=False)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _Refused("sends the file encoded")
    if status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or (int(found[1]), int(found[2])) != (order.start, order.end - 1):
            raise _Refused("sends another range")
        if found[3] not in ("*", str(order.size)):
            raise _Refused(f"has a file of {found[3]} bytes, not {order.size}")
    elif status != 200:
        raise _Refused(f"answers {status}")
    elif (order.start, order.end) != (0, order.size):
        raise _Refused("sends no ranges")
    elif response.content_length != order.size:
        raise _Refused(f"has a file of {response.content_length} bytes, not {order.size}")


def _wish(retry_after: str) -> float | None:
    # RFC 9110, 10.2.3: seconds, or a date.
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
