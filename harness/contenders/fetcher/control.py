"""The control API (docs/control-api.md) over aiohttp: requests in; peers, and streams of events, out."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from harness.contenders.fetcher.errors import Refused
from harness.contenders.fetcher.metrics import Tally
from harness.contenders.fetcher.peer import Peer
from harness.contenders.fetcher.source import parse

_METRICS_TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
_NO_PORT = 0  # a fetcher connects and is never connected to

_Rate = Annotated[float, msgspec.Meta(gt=0)] | None
_Body = TypeVar("_Body")


class PeerOrder(msgspec.Struct, frozen=True):
    """The body of `POST /peers`."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    address: str
    directory: str
    upload_rate: _Rate = None
    download_rate: _Rate = None


class FetchOrder(msgspec.Struct, frozen=True):
    """The body of `POST /peers/{id}/fetch`."""

    source: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")] | None = None


class Control:
    """The fleet's peers, and the requests that act on them."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._peers: dict[str, Peer] = {}

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

    def stop(self) -> None:
        """End every fetch under way as failed."""
        for peer in self._peers.values():
            peer.stop("the fetcher is stopping")

    async def _add_peer(self, request: web.Request) -> web.Response:
        order = await _body(request, PeerOrder)
        if order.id in self._peers:
            raise Refused(409, f"peer {order.id!r} exists already")
        directory = Path(order.directory)
        _check_address(order.address)
        _check_directory(directory)
        self._peers[order.id] = Peer(order.id, order.address, directory, order.download_rate, self._tally)
        self._tally.peers = len(self._peers)
        return web.json_response({"id": order.id, "port": _NO_PORT}, status=201)

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
        peer.stop("the peer was removed", abrupt=abrupt == "1")
        return web.Response(status=204)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        peer = self._peer(request)
        order = await _body(request, FetchOrder)
        sha256 = order.sha256.lower() if order.sha256 else None
        encode = msgspec.json.Encoder().encode
        async with aclosing(peer.fetch(parse(order.source), sha256)) as events:
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
