"""A fleet of overlay nodes in one process, driven over the control API (docs/control-api.md, "Nodes")."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from p2p_node.discovery.base import Cost, Ended, LookupId
from p2p_node.discovery.families import Role
from p2p_node.shell.control import body_of, errors_as_json, healthy, refusal
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.errors import NodeError
from p2p_node.shell.overlay import OverlayNode, Search
from p2p_node.wire.address import Address, parse_address

KEY_BYTES = 20

SWEEP_S = 1.0
"""How often nodes' costs are gathered, so that they need not keep them."""

MAX_COSTS = 50_000
"""Lookups whose costs a fleet remembers, the oldest forgotten first: hours of what a person asks, and a few MiB."""

NODES_A_TURN = 16
"""Nodes made, told or removed before the sockets of the others have their turn."""


class NewNode(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of `POST /nodes`."""

    id: str
    address: str
    contacts: list[str] = []
    role: Role = Role.MEMBER


class NewNodes(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /nodes`."""

    nodes: list[NewNode]


class Provision(msgspec.Struct, forbid_unknown_fields=True):
    """That a node has an item, which others reach at this port of its host."""

    node: str
    key: str
    port: int


class Provisions(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /nodes/provide`."""

    items: list[Provision]


class Departures(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /nodes/remove`."""

    ids: list[str]
    abrupt: bool = False


class LookupOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /nodes/{id}/lookup`."""

    key: str


class OverlayFleet:
    """The control API's handlers and the nodes they act on, all of one family."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._nodes: dict[str, OverlayNode] = {}
        self._costs: dict[LookupId, Cost] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def application(self) -> web.Application:
        """The aiohttp application that speaks the control API."""
        app = web.Application(middlewares=[errors_as_json])
        app.add_routes(
            [
                web.post("/nodes", self._add),
                web.get("/nodes", self._count),
                web.get("/nodes/census", self._census),
                web.post("/nodes/provide", self._provide),
                web.post("/nodes/remove", self._remove),
                web.post("/nodes/{id}/lookup", self._lookup),
                web.get("/costs", self._show_costs),
                web.get("/healthz", healthy),
            ]
        )
        app.on_startup.append(self._open)
        app.on_shutdown.append(self._close)
        return app

    async def _add(self, request: web.Request) -> web.Response:
        order = await body_of(request, NewNodes)
        made = []
        try:
            for number, new in enumerate(order.nodes):
                if new.id in self._nodes:
                    raise refusal(web.HTTPConflict, f"node {new.id} exists already")
                self._nodes[new.id] = self._made(new)
                made.append(new.id)
                await _let_others_turn(number)
        except BaseException:
            self._discard(made, abrupt=True)
            raise
        return web.json_response({"added": len(order.nodes)}, status=201)

    def _made(self, new: NewNode) -> OverlayNode:
        if not new.id:
            raise refusal(web.HTTPBadRequest, "a node without an id")
        try:
            overlay = Overlay(self._family, [parse_address(contact) for contact in new.contacts])
            return OverlayNode(overlay, parse_address(new.address), new.role)
        except (ValueError, NodeError) as error:
            raise refusal(web.HTTPBadRequest, f"node {new.id}: {error}") from None

    async def _count(self, _request: web.Request) -> web.Response:
        joined = sum(node.joined for node in self._nodes.values())
        return web.json_response({"nodes": len(self._nodes), "joined": joined})

    async def _census(self, _request: web.Request) -> web.Response:
        return web.json_response({"nodes": [_figures(name, node) for name, node in self._nodes.items()]})

    async def _provide(self, request: web.Request) -> web.Response:
        order = await body_of(request, Provisions)
        wanted = [(self._node(item.node), _key(item.key), _port(item.port)) for item in order.items]
        for number, (node, key, port) in enumerate(wanted):
            node.provide(key, port)
            await _let_others_turn(number)
        return web.Response(status=204)

    async def _remove(self, request: web.Request) -> web.Response:
        order = await body_of(request, Departures)
        for name in order.ids:
            self._node(name)
        self._discard(order.ids, abrupt=order.abrupt)
        return web.Response(status=204)

    def _discard(self, names: Iterable[str], *, abrupt: bool) -> None:
        for name in names:
            if (node := self._nodes.pop(name, None)) is not None:
                self._note_costs(node)
                node.close(abrupt=abrupt)

    async def _lookup(self, request: web.Request) -> web.StreamResponse:
        order = await body_of(request, LookupOrder)
        node, key = self._node(request.match_info["id"]), _key(order.key)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        started_at = time.monotonic()
        search = node.seek(key)
        try:
            await _say(response, {"event": "started", "at": started_at, "lookup": search.lookup.hex()})
            await _tell_findings(search, response)
        except ConnectionError:
            return response  # whoever asked has gone
        finally:
            search.abandon()
        return response

    async def _show_costs(self, _request: web.Request) -> web.Response:
        self._sweep()
        costs = {lookup.hex(): [cost.messages, cost.bytes] for lookup, cost in self._costs.items()}
        return web.json_response({"lookups": costs})

    def _node(self, name: str) -> OverlayNode:
        node = self._nodes.get(name)
        if node is None:
            raise refusal(web.HTTPNotFound, f"no node {name}")
        return node

    def _sweep(self) -> None:
        for node in self._nodes.values():
            self._note_costs(node)

    def _note_costs(self, node: OverlayNode) -> None:
        for lookup, cost in node.take_costs().items():
            total = self._costs.setdefault(lookup, Cost())
            total.messages += cost.messages
            total.bytes += cost.bytes
        while len(self._costs) > MAX_COSTS:
            del self._costs[next(iter(self._costs))]

    async def _open(self, _app: web.Application) -> None:
        self._sweeping = asyncio.create_task(self._keep_sweeping())

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._sweep()

    async def _close(self, _app: web.Application) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for node in self._nodes.values():
            node.close(abrupt=True)


async def _tell_findings(search: Search, response: web.StreamResponse) -> None:
    while True:
        at, finding = await search.next()
        if isinstance(finding, Ended):
            await _say(response, {"event": "done", "at": at, "hops": finding.hops})
            return
        await _say(response, {"event": "found", "at": at, "peers": _texts(finding.peers), "hops": finding.hops})


async def _say(response: web.StreamResponse, event: Mapping[str, object]) -> None:
    await response.write(json.dumps(event).encode() + b"\n")


async def _let_others_turn(number: int) -> None:
    if number % NODES_A_TURN == NODES_A_TURN - 1:
        await asyncio.sleep(0)


def _texts(peers: Iterable[Address]) -> list[str]:
    return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in peers]


def _figures(name: str, node: OverlayNode) -> dict[str, Any]:
    figures = msgspec.structs.asdict(node.census())
    figures["dropped"] += node.unsent
    return {"id": name, "age_s": round(node.age_s, 3), "joined": node.joined, **figures}


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or len(text) != 2 * KEY_BYTES:  # Python would overlook spaces
        raise refusal(web.HTTPBadRequest, f"key {text[:60]} is not {KEY_BYTES} bytes in hex")
    return key


def _port(port: int) -> int:
    if not 0 < port < 1 << 16:
        raise refusal(web.HTTPBadRequest, f"port {port} is not from 1 to 65535")
    return port
