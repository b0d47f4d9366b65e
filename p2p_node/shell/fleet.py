"""A fleet: many peers in one process, each on its own address, driven over the control API (docs/control-api.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.control import body_of, errors_as_json, healthy, refusal
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.errors import NodeError
from p2p_node.shell.fetch import fetch
from p2p_node.shell.metrics import exposition
from p2p_node.shell.peer import Peer
from p2p_node.shell.verifying import hashers


class NewPeer(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /peers`."""

    id: str
    address: str
    directory: str
    upload_rate: float | None = None
    download_rate: float | None = None


class FetchOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /peers/{id}/fetch`."""

    source: str
    sha256: str | None = None
    origin: str | None = None


@dataclass(slots=True)
class _Member:
    peer: Peer
    directory: Path
    fetching: bool = False


class Fleet:
    """The control API's handlers and the peers they act on."""

    def __init__(self, settings: SwarmSettings, overlay: Overlay | None = None) -> None:
        self._settings = settings
        self._overlay = overlay
        self._members: dict[str, _Member] = {}
        self._hasher = hashers()

    def application(self) -> web.Application:
        """The aiohttp application that speaks the control API."""
        app = web.Application(middlewares=[errors_as_json])
        app.add_routes(
            [
                web.post("/peers", self._add),
                web.get("/peers/{id}", self._show),
                web.delete("/peers/{id}", self._remove),
                web.post("/peers/{id}/fetch", self._fetch),
                web.get("/metrics", self._metrics),
                web.get("/healthz", healthy),
            ]
        )
        app.on_shutdown.append(self._close)
        return app

    async def _add(self, request: web.Request) -> web.Response:
        order = await body_of(request, NewPeer)
        if order.id in self._members:
            raise refusal(web.HTTPConflict, f"peer {order.id} exists already")
        peer = Peer(self._hasher, order.upload_rate, order.download_rate, self._overlay)
        try:
            Path(order.directory).mkdir(parents=True, exist_ok=True)
            await peer.listen(order.address, 0)
        except (OSError, NodeError) as error:
            raise refusal(web.HTTPBadRequest, error) from None
        self._members[order.id] = _Member(peer, Path(order.directory))
        await peer.joined()
        return web.json_response({"id": order.id, "port": peer.address[1]}, status=201)

    async def _show(self, request: web.Request) -> web.Response:
        member = self._member(request)
        peer = member.peer
        complete = peer.node is not None and peer.node.complete
        state = "seeding" if complete else "fetching" if member.fetching or peer.node is not None else "idle"
        verified = peer.node.downloaded if peer.node else 0
        told = {"id": request.match_info["id"], "state": state, "bytes": verified, "connections": peer.connection_count}
        stance = {} if peer.node is None else peer.node.stance._asdict()
        return web.json_response({**told, **stance})

    async def _remove(self, request: web.Request) -> web.Response:
        member = self._member(request)
        del self._members[request.match_info["id"]]
        await member.peer.leave(abrupt=request.query.get("abrupt") == "1")
        return web.Response(status=204)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        order = await body_of(request, FetchOrder)
        member = self._member(request)
        if member.fetching or member.peer.node is not None:
            raise refusal(web.HTTPConflict, f"peer {request.match_info['id']} is fetching already")
        member.fetching = True
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        try:
            await response.prepare(request)
            events = fetch(member.peer, order.source, member.directory, order.origin, self._settings)
            async for event in events:
                await response.write(json.dumps(event).encode() + b"\n")
        except ConnectionError:
            # Whoever asked has gone: the fetch is cancelled, and so the peer leaves the swarm.
            self._members.pop(request.match_info["id"], None)
            await member.peer.leave()
        finally:
            member.fetching = False
        return response

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=exposition(member.peer for member in self._members.values()))

    async def _close(self, _app: web.Application) -> None:
        for member in list(self._members.values()):
            await member.peer.leave(abrupt=True)
        self._hasher.shutdown(wait=False, cancel_futures=True)

    def _member(self, request: web.Request) -> _Member:
        member = self._members.get(request.match_info["id"])
        if member is None:
            raise refusal(web.HTTPNotFound, f"no peer {request.match_info['id']}")
        return member
