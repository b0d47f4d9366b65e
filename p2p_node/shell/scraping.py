"""Asking a tracker how many peers a swarm has, without joining it (BEP 48 over HTTP, BEP 15 over UDP)."""

from __future__ import annotations

import asyncio
import time
from random import SystemRandom
from typing import cast

from p2p_node.discovery.tracker import is_http, udp_address
from p2p_node.discovery.udp_client import UdpClient
from p2p_node.shell.announcing import TrackerHttp
from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.address import Address, canonical_host, is_ipv6
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import SwarmCounts, decode_scrape_reply, scrape_url
from p2p_node.wire.udp_tracker import Scrape, Scraped

SCRAPE_S = 20.0
"""A person waits this long: one UDP retransmission's time."""


async def scrape(tracker: str, info_hash: bytes) -> SwarmCounts:
    """What this tracker (by its announce URL) counts in a swarm; raises NodeError."""
    address = udp_address(tracker)
    try:
        if address is not None:
            return await _scrape_udp(address, info_hash)
        if is_http(tracker):
            return await _scrape_http(tracker, info_hash)
    except (NodeError, ProtocolError) as error:
        raise NodeError(f"cannot scrape {tracker}: {error}") from None
    raise NodeError(f"cannot scrape {tracker}: give an http, https or udp://HOST:PORT address")


async def _scrape_http(tracker: str, info_hash: bytes) -> SwarmCounts:
    found = decode_scrape_reply(await TrackerHttp().get(scrape_url(tracker, [info_hash])))
    if info_hash not in found:
        raise NodeError("it does not know this torrent")
    return found[info_hash]


async def _scrape_udp(address: Address, info_hash: bytes) -> SwarmCounts:
    loop = asyncio.get_running_loop()
    try:
        transport, exchange = await loop.create_datagram_endpoint(
            lambda: _Exchange(Scrape((info_hash,))), remote_addr=address
        )
    except OSError as error:
        raise describe(error, f"reach {address[0]}") from None
    try:
        async with asyncio.timeout(SCRAPE_S):
            answer = await exchange.answer
    except TimeoutError:
        raise NodeError(f"no answer within {SCRAPE_S:.0f} s") from None
    finally:
        transport.close()
    if len(answer.counts) != 1:
        raise NodeError("it answered about another number of torrents")
    return answer.counts[0]


class _Exchange(asyncio.DatagramProtocol):
    """One question to one tracker, over a connected socket."""

    def __init__(self, question: Scrape) -> None:
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Scraped] = self._loop.create_future()
        self._client = UdpClient(SystemRandom())
        self._question = question
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._client.ask(self._question, time.monotonic())
        self._send()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            answer = self._client.received(data, is_ipv6(canonical_host(addr[0])), time.monotonic())
        except ProtocolError as error:
            self._fail(error)
            return
        self._send()
        if isinstance(answer, Scraped) and not self.answer.done():
            self.answer.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        self._fail(NodeError(f"it does not answer ({exc})"))

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def _tick(self) -> None:
        if not self.answer.done() and self._transport is not None and not self._transport.is_closing():
            self._client.tick(time.monotonic())
            self._send()

    def _send(self) -> None:
        assert self._transport is not None
        datagrams, self._client.outgoing = self._client.outgoing, []
        for data in datagrams:
            self._transport.sendto(data)
        if datagrams and self._client.timer is not None:
            self._loop.call_later(max(self._client.timer - time.monotonic(), 0.0), self._tick)
