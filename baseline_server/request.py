"""Requests out of bytes, sans-IO. The rule: a request is exactly one head, for this server accepts no request body.

So the head's end is found first and each head is parsed alone, by httptools: what a refused body contains can never be
taken for a request (smuggling, RFC 9112 section 11.2), and the limits hold before anything is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

import httptools

from baseline_server.errors import Refusal

HEAD_LIMIT = 16 * 1024
"""Bytes of a whole head; a download's request is a few hundred, and nginx stops at 8 KiB a line, 32 KiB in all."""
LINE_LIMIT = 8 * 1024
"""Bytes of the request line, the least RFC 9112 section 3 recommends to support."""
METHODS = (b"GET", b"HEAD")

_END = b"\r\n\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") \S+ HTTP/(\d)\.(\d)")
_ONLY_ONCE = frozenset((b"host", b"content-length", b"if-modified-since", b"if-unmodified-since", b"if-range"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its method, its target as sent, its headers by lower-case name, and whether the client stays."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    keep_alive: bool
    version: str


class RequestParser:
    """Bytes of one connection in, requests out, in order. After a Refusal it must not be used again."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def mid_head(self) -> bool:
        """Whether part of a head has come and the rest has not."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take bytes as they arrived."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """The next complete request, or None when more bytes are needed. Raises Refusal."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112 section 2.2: empty lines before a request line are ignored
            del buffer[:2]
        end = buffer.find(_END)
        if end < 0:
            if buffer:
                self._check_unfinished()
            return None
        end += len(_END)
        _check_limits(buffer, end)
        head = bytes(buffer[:end])
        del buffer[:end]
        return _parse(head)

    def _check_unfinished(self) -> None:
        _check_limits(self._buffer, len(self._buffer))
        if _BARE_LF.search(self._buffer):
            raise Refusal(HTTPStatus.BAD_REQUEST, "lines end in CRLF")


def _check_limits(buffer: bytearray, end: int) -> None:
    if buffer.find(b"\r\n", 0, LINE_LIMIT) < 0 and end > LINE_LIMIT:
        raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, f"the request line exceeds {LINE_LIMIT} bytes")
    if end > HEAD_LIMIT:
        raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the header section exceeds {HEAD_LIMIT} bytes")


class _Head:
    """What httptools calls back with while it parses one head."""

    __slots__ = ("complete", "headers", "target")

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        before = self.headers.get(name)
        if before is None:
            self.headers[name] = value
        elif name in _ONLY_ONCE:
            raise ValueError(f"{name.decode('ascii', 'replace')} is given twice")
        else:
            self.headers[name] = before + b", " + value

    def on_headers_complete(self) -> None:
        self.complete = True


@lru_cache(maxsize=256)
def _parse(head: bytes) -> Request:
    # A client's heads are often the same byte for byte, and parsing is a third of a small answer's cost in Python.
    parts = _Head()
    parser = httptools.HttpRequestParser(parts)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # RFC 9110 section 7.8: a server may ignore Upgrade; CONNECT is refused by its method
    except httptools.HttpParserError as error:
        raise _refusal_of(head, error) from None
    if not parts.complete:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed request")
    version = parser.get_http_version()
    request = Request(
        method=parser.get_method(),
        target=parts.target,
        headers=parts.headers,
        keep_alive=_persists(version, parts.headers.get(b"connection", b"")),
        version=version,
    )
    _check_framing(request)
    return request


def _persists(version: str, connection: bytes) -> bool:
    """Whether the client keeps the connection (RFC 9112 section 9.3); httptools forgets once a message is complete."""
    options = {option.strip() for option in connection.lower().split(b",")}
    return b"close" not in options and (version == "1.1" or b"keep-alive" in options)


def _refusal_of(head: bytes, error: Exception) -> Refusal:
    """Name what llhttp only calls invalid: a method we do not know (501), a version we do not speak (505), or 400."""
    line = _REQUEST_LINE.fullmatch(head[: head.index(b"\r\n")])
    if line is not None and (line[2], line[3]) not in ((b"1", b"0"), (b"1", b"1")):
        return Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.0 and HTTP/1.1")
    if line is not None and isinstance(error, httptools.HttpParserInvalidMethodError):
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, "unknown method")
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
    return Refusal(HTTPStatus.BAD_REQUEST, str(cause or "malformed request"))


def _check_framing(request: Request) -> None:
    headers = request.headers
    if request.version not in ("1.0", "1.1"):
        raise Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.0 and HTTP/1.1")
    if request.version == "1.1" and b"host" not in headers:
        raise Refusal(HTTPStatus.BAD_REQUEST, "HTTP/1.1 requires a Host header")
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is not None and (length is not None or request.version == "1.0"):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body's length is ambiguous")
    if coding is not None and coding.strip().lower() != b"chunked":
        raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "unknown transfer coding")
    if coding is not None or length not in (None, b"0"):
        if request.method not in METHODS:
            raise method_not_allowed()
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no request body is accepted")
    if headers.get(b"expect", b"100-continue").lower() != b"100-continue":
        raise Refusal(HTTPStatus.EXPECTATION_FAILED, "only 100-continue can be expected")


def method_not_allowed() -> Refusal:
    """What a method that is known, and not served, is answered."""
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", headers=b"Allow: GET, HEAD\r\n")
