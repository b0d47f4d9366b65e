"""Dialing: performs a node's `Dial` effects, and tells it of those that came to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from p2p_node import boundary
from p2p_node.core.node import Node
from p2p_node.shell.announcing import Feed
from p2p_node.shell.connection import PeerConnection
from p2p_node.wire.announce import Address

DIAL_S = 10.0
"""An address that has not answered by then is taken to be gone."""


class Dialing:
    """Dials from the address `host`; `connection` makes what speaks on each socket."""

    def __init__(self, host: str, connection: Callable[[], PeerConnection], feed: Feed) -> None:
        self._host = host
        self._connection = connection
        self._feed = feed
        self._dials: set[asyncio.Task[None]] = set()

    def dial(self, effect: boundary.Dial) -> None:
        """Connect to this address."""
        loop = asyncio.get_running_loop()
        connection = self._connection()
        dial = loop.create_task(self._connect(connection, effect.address))
        deadline = loop.call_later(DIAL_S, self._give_up, dial, connection, effect.address)
        self._dials.add(dial)
        dial.add_done_callback(self._dials.discard)
        dial.add_done_callback(lambda _: deadline.cancel())

    async def close(self) -> None:
        """Give up the dials under way."""
        for dial in self._dials:
            dial.cancel()
        await asyncio.gather(*self._dials, return_exceptions=True)

    async def _connect(self, connection: PeerConnection, address: Address) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            try:
                await loop.create_connection(lambda: connection, *address, local_addr=(self._host, 0))
            except BaseException:
                # uvloop closes the socket of a dial that is given up just as it comes about, and tells nobody.
                connection.connection_lost(None)
                raise
        if not connection.made:
            self._feed(partial(_failed, address))

    def _give_up(self, dial: asyncio.Task[None], connection: PeerConnection, address: Address) -> None:
        # On a machine that has far too much to do, one that came about long ago may not have been told so.
        if not connection.made and dial.cancel():
            self._feed(partial(_failed, address))


def _failed(address: Address, node: Node, now: float) -> None:
    node.dial_failed(address, now)
