"""From a request target to a path below the root. The rule: one file has one spelling; tricks are refused, not mended.

Dot segments, encoded slashes and empty segments are how traversals are smuggled past filters, and no client that
follows RFC 3986 sends them; so they are errors here rather than something to normalise.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus

from baseline_server.errors import Refusal

_ABSOLUTE = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)
_ILLEGAL = re.compile(rb"[\x00-\x20\x7f#]")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")


@lru_cache(maxsize=1024)
def path_of(target: bytes) -> bytes:
    """The file's path relative to the root, without a leading slash, as bytes of the file system.

    Takes origin-form and absolute-form (RFC 9112 section 3.2); the query is ignored. Raises Refusal: 400 for what no
    client should send, 404 for what cannot name a file.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is not None:
        target = target[absolute.end() :] or b"/"
    path = target.partition(b"?")[0]
    if not path.startswith(b"/") or _ILLEGAL.search(path):
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed request target")
    if b"%" not in path and b"/." not in path and b"//" not in path and not path.endswith(b"/"):
        return path[1:]
    return b"/".join(_segment(raw) for raw in path[1:].split(b"/"))


def _segment(raw: bytes) -> bytes:
    name = _ESCAPE.sub(_unescaped, raw)
    if name in (b".", b".."):
        raise Refusal(HTTPStatus.BAD_REQUEST, "dot segments are refused")
    if b"\0" in name:
        raise Refusal(HTTPStatus.BAD_REQUEST, "a file's name holds no NUL")
    if not name or b"/" in name:
        raise Refusal(HTTPStatus.NOT_FOUND, "no such file")
    return name


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[1] is None:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed percent-encoding")
    return bytes((int(escape[1], 16),))
