"""What every control API shares: bodies read strictly, and errors told as JSON (docs/control-api.md)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

Body = TypeVar("Body")


async def body_of(request: web.Request, kind: type[Body]) -> Body:
    """The request's body; raises HTTPBadRequest for anything else than that."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(reason=str(error)) from None


async def healthy(_request: web.Request) -> web.Response:
    """The answer to `GET /healthz`."""
    return web.Response(text="ok")


@web.middleware
async def errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    """Lets every refusal carry its reason in one line."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except web.HTTPError as error:
        return web.json_response({"error": error.reason}, status=error.status)
