"""How a peer reaches trackers over HTTP. The rule: whatever a tracker does, an answer takes bounded time and memory."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from typing import TypeAlias

from p2p_node import boundary
from p2p_node.core.metadata_node import MetadataNode
from p2p_node.core.node import Node
from p2p_node.shell.errors import NodeError
from p2p_node.shell.http_get import http_get

log = logging.getLogger("p2p_node")

Feed: TypeAlias = Callable[[Callable[[Node | MetadataNode, float], None]], None]
"""Gives the node an input, with the time, and performs what follows from it; does nothing when there is no node."""

ANNOUNCE_S = 15.0
"""A tracker that takes longer is taken to be down; the next is asked long before."""

MAX_REPLY = 1 << 20
"""Bytes of an answer, unpacked: 170,000 peers, more than anybody asks for."""


class TrackerHttp:
    """GETs from trackers, from one local address."""

    def __init__(self, host: str | None = None) -> None:
        self._local = (host, 0) if host is not None and not ipaddress.ip_address(host).is_unspecified else None

    async def get(self, url: str) -> bytes:
        """What the tracker answers; raises NodeError when it is not to be reached, or says too much."""
        try:
            async with asyncio.timeout(ANNOUNCE_S):
                return await http_get(url, self._local, MAX_REPLY)
        except (OSError, TimeoutError, ValueError) as error:
            raise NodeError(str(error) or type(error).__name__) from None


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

    async def _ask(self, effect: boundary.Announce) -> None:
        try:
            reply = await self._http.get(effect.url)
        except NodeError as error:
            log.warning("tracker %s: %s", effect.tracker, error)
            self._feed(lambda node, now: node.announce_failed(effect.tracker, now))
        else:
            self._feed(lambda node, now: node.announced(effect.tracker, reply, now))
