"""What every control API shares: bodies read strictly, and errors told as JSON (docs/control-api.md)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

Body = TypeVar("Body")

MAX_REASON = 300
"""Characters of a reason: a client's own nonsense need not be told back to it in full."""


def refusal(kind: type[web.HTTPError], why: object) -> web.HTTPError:
    """A refusal of this kind with its reason, which is one line whatever a client has put into it."""
    return kind(reason=" ".join(str(why).split())[:MAX_REASON])


async def body_of(request: web.Request, kind: type[Body]) -> Body:
    """The request's body; raises HTTPBadRequest for anything else than that."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise refusal(web.HTTPBadRequest, error) from None


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
