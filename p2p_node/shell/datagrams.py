"""A peer's UDP socket, on the port where it takes TCP connections: for trackers, and whatever else speaks UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from p2p_node import boundary
from p2p_node.shell.announcing import Feed
from p2p_node.shell.errors import describe
from p2p_node.wire.address import Address, canonical_host, is_ipv6

MAX_RESOLVING = 32
"""Names looked up at once; datagrams beyond are dropped, as the network might have done."""


class DatagramSocket(asyncio.DatagramProtocol):
    """Performs `SendDatagram` effects, and feeds the node what comes, unless `claim` says that it took it."""

    def __init__(self, feed: Feed, claim: Callable[[Address, bytes], bool]) -> None:
        self._feed = feed
        self._claim = claim
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._family = socket.AF_INET
        self._resolving: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Bind to this address; raises NodeError."""
        try:
            transport, _ = await self._loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        except OSError as error:
            raise describe(error, f"listen on UDP {host}:{port}") from None
        self._transport = transport
        self._family = transport.get_extra_info("socket").family

    def send(self, effect: boundary.SendDatagram) -> None:
        """Send this; a host that is a name is looked up first."""
        try:
            host = canonical_host(effect.address[0])
        except ValueError:
            if len(self._resolving) < MAX_RESOLVING:
                task = self._loop.create_task(self._resolve_and_send(effect))
                self._resolving.add(task)
                task.add_done_callback(self._resolving.discard)
            return
        if is_ipv6(host) == (self._family == socket.AF_INET6):
            self._send_to(host, effect)
        else:
            self._loop.call_soon(self._failed, effect.address)

    def close(self) -> None:
        """Let the port go."""
        for task in self._resolving:
            task.cancel()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """The socket received."""
        source = (canonical_host(addr[0]), addr[1])
        if not self._claim(source, data):
            self._feed(lambda node, now: node.datagram_received(source, data, now))

    async def _resolve_and_send(self, effect: boundary.SendDatagram) -> None:
        try:
            found = await self._loop.getaddrinfo(*effect.address, family=self._family, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            self._failed(effect.address)
        else:
            self._send_to(str(found[0][4][0]), effect)

    def _send_to(self, host: str, effect: boundary.SendDatagram) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(effect.data, (host, effect.address[1]))

    def _failed(self, address: Address) -> None:
        self._feed(lambda node, now: node.datagram_failed(address, now))
