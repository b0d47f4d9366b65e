"""The control API (docs/control-api.md) over aiohttp: requests in; peers, and streams of events, out."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import msgspec
from aiohttp import web

from harness.contenders.hosting.errors import Refused
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import FetchOrder, Peer, PeerOrder

_METRICS_TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}

_Body = TypeVar("_Body")

Join = Callable[[PeerOrder, Tally], Awaitable[Peer]]
"""Makes an idle peer; raises Refused when it cannot exist."""


class Control:
    """The fleet's peers, and the requests that act on them."""

    def __init__(self, kind: str, join: Join) -> None:
        """`kind` names the fleet in its metrics."""
        self._tally = Tally(kind)
        self._join = join
        self._peers: dict[str, Peer] = {}
        self._joining: set[str] = set()

    def application(self) -> web.Application:
        """The routes, for aiohttp to serve."""
        application = web.Application(middlewares=[_refusals])
        application.add_routes(
            [
                web.post("/peers", self._add_peer),
                web.get("/peers/{id}", self._describe_peer),
                web.delete("/peers/{id}", self._remove_peer),
                web.post("/peers/{id}/fetch", self._fetch),
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
            ]
        )
        return application

    async def stop(self) -> None:
        """End every fetch under way as failed."""
        await asyncio.gather(*(peer.stop("the fleet is stopping") for peer in self._peers.values()))

    async def _add_peer(self, request: web.Request) -> web.Response:
        order = await _body(request, PeerOrder)
        if order.id in self._peers or order.id in self._joining:
            raise Refused(409, f"peer {order.id!r} exists already")
        _check_address(order.address)
        _check_directory(Path(order.directory))
        self._joining.add(order.id)
        try:
            peer = self._peers[order.id] = await self._join(order, self._tally)
        finally:
            self._joining.remove(order.id)
        self._tally.peers = len(self._peers)
        return web.json_response({"id": order.id, "port": peer.port}, status=201)

    async def _describe_peer(self, request: web.Request) -> web.Response:
        peer = self._peer(request)
        return web.json_response(
            {"id": peer.name, "state": peer.state.value, "bytes": peer.bytes, "address": peer.address}
        )

    async def _remove_peer(self, request: web.Request) -> web.Response:
        peer = self._peer(request)
        abrupt = request.query.get("abrupt", "0")
        if abrupt not in ("0", "1"):
            raise Refused(400, f"abrupt={abrupt!r} is neither 0 nor 1")
        del self._peers[peer.name]
        self._tally.peers = len(self._peers)
        await peer.stop("the peer was removed", abrupt=abrupt == "1")
        return web.Response(status=204)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        peer = self._peer(request)
        order = await _body(request, FetchOrder)
        encode = msgspec.json.Encoder().encode
        async with aclosing(peer.fetch(order)) as events:
            # The first event is taken before anything is awaited, so a second fetch meets its 409 here.
            line = encode(await anext(events)) + b"\n"
            response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
            await response.prepare(request)
            await response.write(line)
            async for event in events:
                await response.write(encode(event) + b"\n")
        await response.write_eof()
        return response

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._tally.exposition(), headers=_METRICS_TYPE)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    def _peer(self, request: web.Request) -> Peer:
        name = request.match_info["id"]
        try:
            return self._peers[name]
        except KeyError:
            raise Refused(404, f"no peer {name!r}") from None


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error is JSON with one line."""
    try:
        return await handler(request)
    except Refused as refused:
        return web.json_response({"error": str(refused)}, status=refused.status)
    except web.HTTPException as refused:
        return web.json_response({"error": refused.reason}, status=refused.status)


async def _body(request: web.Request, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"malformed body: {error}") from None


def _check_address(address: str) -> None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError as error:
        raise Refused(400, f"no peer can live on {address!r}: {error.strerror or error}") from None


def _check_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(400, f"cannot use the directory {directory}: {error.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise Refused(400, f"cannot write to the directory {directory}")
