"""A tracker over HTTP: the registry of `discovery.registry` behind aiohttp."""

from __future__ import annotations

from random import Random
from time import monotonic

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from p2p_node.discovery.registry import Registry
from p2p_node.wire.announce import decode_announce, encode_failure, encode_reply
from p2p_node.wire.errors import ProtocolError


class TrackerServer:
    """Answers `/announce`; `interval` is the seconds between a peer's announces."""

    def __init__(self, interval: float) -> None:
        self._registry = Registry(interval, Random())
        self._metrics = CollectorRegistry()
        self._announces = Counter("tracker_announces", "Announces answered.", ["outcome"], registry=self._metrics)
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
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", _healthy),
            ]
        )
        return app

    async def _announce(self, request: web.Request) -> web.Response:
        try:
            announce = decode_announce(request.rel_url.raw_query_string)
        except ProtocolError as error:
            self._announces.labels("refused").inc()
            return web.Response(body=encode_failure(str(error)), content_type="text/plain")
        reply = self._registry.announce(announce, request.remote or "0.0.0.0", monotonic())
        self._announces.labels("answered").inc()
        return web.Response(body=encode_reply(reply), content_type="text/plain")

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics))


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")
