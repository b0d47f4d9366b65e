"""A tracker over HTTP and UDP on one port: the registry of `discovery.registry` behind aiohttp and a socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from random import Random
from time import monotonic
from typing import Any, cast

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from p2p_node.discovery.registry import Registry
from p2p_node.discovery.udp_server import UdpServer
from p2p_node.shell.errors import describe
from p2p_node.wire.address import Address, canonical_host
from p2p_node.wire.announce import Announce, AnnounceReply, decode_announce, encode_failure, encode_reply
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import decode_scrape, encode_scrape_reply

BACKLOG = 1024


class TrackerServer:
    """Answers announces and scrapes, from a registry of its own unless it is given one; `interval` is the seconds
    between a peer's announces."""

    def __init__(self, interval: float, registry: Registry | None = None) -> None:
        self._registry = registry or Registry(interval, Random())
        self._udp = UdpServer(self._registry, os.urandom(32))
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        self._transport: asyncio.DatagramTransport | None = None
        self._metrics = CollectorRegistry()
        self._metrics.register(_Traffic(self))
        self._requests = Counter(
            "tracker_requests", "Announces and scrapes answered.", ["protocol", "outcome"], registry=self._metrics
        )
        self.asked_over_http: dict[str, int] = {"announce": 0, "scrape": 0}
        """Questions that were understood, by kind; like the datagrams, counted for its metrics."""
        self.datagrams: dict[str, int] = {"received": 0, "sent": 0}
        Gauge("tracker_peers", "Peers known.", registry=self._metrics).set_function(lambda: self._registry.peer_count)
        Gauge("tracker_swarms", "Swarms known.", registry=self._metrics).set_function(
            lambda: self._registry.swarm_count
        )

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/announce", self._announce),
                web.get("/scrape", self._scrape),
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", _healthy),
            ]
        )
        return app

    @property
    def asked_over_udp(self) -> Mapping[str, int]:
        """The same over UDP, where an announce is preceded by the question for a connection id."""
        return self._udp.asked

    def exposition(self) -> bytes:
        """Its metrics in Prometheus' text format."""
        return generate_latest(self._metrics)

    async def listen(self, host: str, port: int) -> Address:
        """Serve HTTP and UDP here until `close`, over IPv4 as well when the host is `::`; returns the address. Port 0
        takes a free one. Raises NodeError."""
        try:
            tcp, udp = _bind_both(host, port)
        except OSError as error:
            raise describe(error, f"listen on {host}:{port}") from None
        bound: Address = tcp.getsockname()[:2]
        await self._runner.setup()
        await web.SockSite(self._runner, tcp, backlog=BACKLOG).start()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)
        return bound

    async def close(self) -> None:
        """Serve no more."""
        if self._transport is not None:
            self._transport.close()
        await self._runner.cleanup()

    def datagram(self, data: bytes, host: str, port: int) -> bytes | None:
        """What to send back to whoever sent this datagram, if anything."""
        answer = self._udp.answer(data, (canonical_host(host), port), monotonic())
        self._requests.labels("udp", "ignored" if answer is None else "answered").inc()
        return answer

    async def announced(self, announce: Announce, host: str) -> AnnounceReply:
        """The answer to an announce over HTTP."""
        return self._registry.announce(announce, host, monotonic())

    def send(self, data: bytes, to: Address) -> None:
        """Send this over UDP."""
        if self._transport is not None and not self._transport.is_closing():
            self.datagrams["sent"] += 1
            self._transport.sendto(data, to)

    async def _announce(self, request: web.Request) -> web.Response:
        try:
            announce = decode_announce(request.rel_url.raw_query_string)
        except ProtocolError as error:
            return self._refuse(error)
        self.asked_over_http["announce"] += 1
        host = canonical_host(request.remote or "0.0.0.0")
        return self._answer(encode_reply(await self.announced(announce, host)))

    async def _scrape(self, request: web.Request) -> web.Response:
        try:
            info_hashes = decode_scrape(request.rel_url.raw_query_string)
        except ProtocolError as error:
            return self._refuse(error)
        self.asked_over_http["scrape"] += 1
        return self._answer(encode_scrape_reply(self._registry.scrape(info_hashes)))

    def _answer(self, body: bytes) -> web.Response:
        self._requests.labels("http", "answered").inc()
        return web.Response(body=body, content_type="text/plain")

    def _refuse(self, error: ProtocolError) -> web.Response:
        self._requests.labels("http", "refused").inc()
        return web.Response(body=encode_failure(str(error)), content_type="text/plain")

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.exposition())


class _Traffic(Collector):
    """What a server was asked, and its datagrams: plain counts, which cost an announce less than a metric's lock."""

    def __init__(self, server: TrackerServer) -> None:
        self._server = server

    def collect(self) -> Iterable[Metric]:
        questions = CounterMetricFamily(
            "tracker_questions", "Questions understood, by protocol and kind.", labels=["protocol", "kind"]
        )
        for protocol, asked in (("http", self._server.asked_over_http), ("udp", self._server.asked_over_udp)):
            for kind, count in asked.items():
                questions.add_metric([protocol, kind], count)
        yield questions
        datagrams = CounterMetricFamily("tracker_datagrams", "Datagrams, by direction.", labels=["direction"])
        for direction, count in self._server.datagrams.items():
            datagrams.add_metric([direction], count)
        yield datagrams


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: TrackerServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._server.datagrams["received"] += 1
        answer = self._server.datagram(data, addr[0], addr[1])
        if answer is not None and self._transport is not None:
            self._server.datagrams["sent"] += 1
            self._transport.sendto(answer, addr)


def _bind_both(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    tcp = _bind(socket.SOCK_STREAM, host, port)
    try:
        return tcp, _bind(socket.SOCK_DGRAM, host, tcp.getsockname()[1])
    except OSError:
        tcp.close()
        raise


def _bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")
