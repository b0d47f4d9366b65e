"""How a peer reaches trackers over HTTP. The rule: whatever a tracker does, an answer takes bounded time and memory."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from p2p_node import boundary
from p2p_node.core.node import Node
from p2p_node.shell.errors import NodeError

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger("p2p_node")

Feed: TypeAlias = Callable[[Callable[[Node, float], None]], None]
"""Gives the node an input, with the time, and performs what follows from it; does nothing when there is no node."""

ANNOUNCE_S = 15.0
"""A tracker that takes longer is taken to be down; the next is asked long before."""

MAX_REPLY = 1 << 20
"""Bytes of an answer, unpacked: 170,000 peers, more than anybody asks for."""

MAX_REDIRECTS = 5


class TrackerHttp:
    """GETs from trackers, from one local address.

    Its client is imported and made at the first of them: it takes a third of a small node's memory, and most peers of a
    large fleet are idle.
    """

    def __init__(self, host: str | None = None) -> None:
        self._local = (host, 0) if host is not None and not ipaddress.ip_address(host).is_unspecified else None
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> bytes:
        """What the tracker answers; raises NodeError when it is not to be reached, or says too much."""
        import aiohttp
        from yarl import URL

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(local_addr=self._local), timeout=aiohttp.ClientTimeout(ANNOUNCE_S)
            )
        try:
            # Encoded already: info-hashes are escapes of raw bytes, which are not to be taken for text.
            target = URL(url, encoded=True)
            async with self._session.get(target, max_redirects=MAX_REDIRECTS) as response:
                return await _read(response)
        except (OSError, TimeoutError, ValueError, aiohttp.ClientError) as error:
            raise NodeError(str(error) or type(error).__name__) from None

    async def close(self) -> None:
        """End every connection."""
        if self._session is not None:
            await self._session.close()


class Announcing:
    """Performs a node's `Announce` effects, and tells it what came of each."""

    def __init__(self, host: str, feed: Feed) -> None:
        self._http = TrackerHttp(host)
        self._feed = feed
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, effect: boundary.Announce) -> None:
        """Ask the tracker, and feed its answer."""
        task = asyncio.get_running_loop().create_task(self._ask(effect))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up whatever is still asked."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def _ask(self, effect: boundary.Announce) -> None:
        try:
            reply = await self._http.get(effect.url)
        except NodeError as error:
            log.warning("tracker %s: %s", effect.tracker, error)
            self._feed(lambda node, now: node.announce_failed(effect.tracker, now))
        else:
            self._feed(lambda node, now: node.announced(effect.tracker, reply, now))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_REPLY:
            raise NodeError(f"answered with more than {MAX_REPLY} bytes")
    return bytes(body)
