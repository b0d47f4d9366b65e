"""One peer's ranges from web seeds: opens a client when the first is asked for, for an idle one costs memory in every
peer of a fleet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from p2p_node.boundary import CancelRange, FetchRange
from p2p_node.core.node import Node

if TYPE_CHECKING:
    from p2p_node.shell.peer import Peer
    from p2p_node.shell.web_client import WebClient

log = logging.getLogger("p2p_node")


class WebRanges:
    """Performs `FetchRange` and `CancelRange`, and feeds the node what comes of them."""

    def __init__(self, node: Node, peer: Peer) -> None:
        self._node = node
        self._peer = peer
        self._client: WebClient | None = None

    @property
    def performers(self) -> Mapping[type, Callable[[Any], None]]:
        """What performs each kind of effect."""
        return {FetchRange: self._fetch, CancelRange: self._cancel}

    async def close(self) -> None:
        """End all ranges and connections."""
        if self._client is not None:
            await self._client.close()

    def _fetch(self, effect: FetchRange) -> None:
        if self._client is None:
            from p2p_node.shell.web_client import WebClient

            self._client = WebClient(self._peer.address[0], self._received, self._failed)
        self._client.fetch(effect)

    def _cancel(self, effect: CancelRange) -> None:
        if self._client is not None:
            self._client.cancel(effect.number)

    async def _received(self, number: int, data: bytes) -> None:
        # A link that slow has them here only then; taken in at once, the last of each range would cost no time.
        if (pause := self._peer.take_download(len(data))) > 0:
            await asyncio.sleep(pause)
        self._peer.feed(lambda _, now: self._node.range_received(number, data, now))

    def _failed(self, number: int, reason: str, wish: float | None, for_good: bool) -> None:
        log.warning("%s:%d: a web seed %s", *self._peer.address, reason)
        self._peer.feed(lambda _, now: self._node.range_failed(number, wish, for_good, now))
