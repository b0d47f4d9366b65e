"""A fleet after a script: it speaks docs/control-api.md, and each peer's fetch goes as its name says.

`well-…` completes, `corrupt-…` says so of a file with other content, `refused-…` answers 409, `failed-…` ends with an
error, `silent-…` never ends, `dropped-…` closes the stream before the end.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

ITEM = b"item" * 1000


class ScriptedFleet:
    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.specs: dict[str, dict] = {}
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_post("/peers", self._add)
        app.router.add_delete("/peers/{id}", self._remove)
        app.router.add_post("/peers/{id}/fetch", self._fetch)
        self.runner = web.AppRunner(app, handler_cancellation=True)

    async def _healthz(self, request):
        return web.Response(text="ok")

    async def _add(self, request):
        spec = await request.json()
        if spec["id"] in self.specs:
            return web.json_response({"error": f"there is a peer {spec['id']} already"}, status=409)
        self.specs[spec["id"]] = spec
        return web.json_response({"id": spec["id"], "port": 7000}, status=201)

    async def _remove(self, request):
        if self.specs.pop(request.match_info["id"], None) is None:
            return web.json_response({"error": "no such peer"}, status=404)
        return web.Response(status=204)

    async def _fetch(self, request):
        peer = request.match_info["id"]
        manner = peer.partition("-")[0]
        if manner == "refused":
            return web.json_response({"error": "a fetch is under way"}, status=409)
        stream = web.StreamResponse()
        await stream.prepare(request)
        await self._say(stream, event="started", at=time.monotonic())
        await self._say(stream, event="first_byte", at=time.monotonic())
        await self._say(stream, event="progress", at=time.monotonic(), bytes=1000)
        if manner == "dropped":
            return stream
        if manner == "silent":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled.append(peer)
                raise
        path = Path(self.specs.get(peer, {}).get("directory", "/nowhere")) / "item.bin"
        if peer in self.specs:
            path.write_bytes(ITEM if manner == "well" else b"else")
        ok = manner in ("well", "corrupt")
        await self._say(
            stream,
            event="done",
            at=time.monotonic(),
            ok=ok,
            bytes=len(ITEM) if ok else 1000,
            error=None if ok else "the source is gone",
            path=str(path),
            sources={"origin": 1000, "peers": len(ITEM) - 1000, "webseed": 0},
            wasted_bytes=16,
        )
        return stream

    async def _say(self, stream, **event):
        await stream.write(json.dumps(event).encode() + b"\n")


@asynccontextmanager
async def scripted_fleet(socket: Path):
    fleet = ScriptedFleet()
    await fleet.runner.setup()
    await web.UnixSite(fleet.runner, str(socket)).start()
    try:
        yield fleet
    finally:
        await fleet.runner.cleanup()
