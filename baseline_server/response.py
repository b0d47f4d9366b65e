"""What to answer, sans-IO: a request and the file it names become a status, a head and a span of the file.

The rule: nothing here touches a socket or a clock; the date is an argument, and sending is the connection's part.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from baseline_server.conditions import Validators, http_date, outcome, range_applies
from baseline_server.errors import Refusal
from baseline_server.ranges import Span, Unsatisfiable, select
from baseline_server.request import Request


class File(Protocol):
    """What is answered with, as it was when it was opened."""

    name: bytes
    size: int
    validators: Validators


@dataclass(frozen=True, slots=True)
class Response:
    """A head, ready to send, and what follows it: bytes in memory, or a span of a file, or neither."""

    status: HTTPStatus
    head: bytes
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a response depends on beside its request: the Date to put on it, and whether the connection goes on."""

    date: bytes
    version: str
    keep_alive: bool

    def lines(self, status: HTTPStatus) -> bytes:
        """The status line and the headers that every response carries."""
        return _opening(status, self.date, self.version, self.keep_alive)


def for_file(request: Request, file: File, context: Context) -> Response:
    """The answer to a GET or HEAD of an existing file; a span is given only where content follows. Raises Refusal."""
    validators = file.validators
    headers = request.headers
    described = _described(validators)
    decided = outcome(headers, validators)
    if decided is HTTPStatus.NOT_MODIFIED:
        return Response(decided, context.lines(decided) + described + b"\r\n")
    if decided is not None:
        raise Refusal(decided, "a precondition does not hold", headers=described)

    whole = Span(0, file.size)
    span = _selected(request, file, described) or whole
    status = HTTPStatus.OK if span is whole else HTTPStatus.PARTIAL_CONTENT
    content_range = (
        b"" if span is whole else b"Content-Range: bytes %d-%d/%d\r\n" % (span.start, span.stop - 1, file.size)
    )
    head = b"%b%bContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n" % (
        context.lines(status),
        described,
        _content_type(file.name.rpartition(b"/")[2]),
        content_range,
        len(span),
    )
    return Response(status, head, span if request.method == b"GET" else None)


def for_text(request: Request, text: bytes, content_type: bytes, context: Context) -> Response:
    """The answer that carries a short text made by the server itself, such as its metrics."""
    return Response(HTTPStatus.OK, _with_text(HTTPStatus.OK, b"", content_type, text, request.method, context))


def for_refusal(refusal: Refusal, method: bytes, context: Context) -> Response:
    """The answer to a request that is refused: one line of text that says why."""
    text = f"{refusal.status.value} {refusal.status.phrase}: {refusal}\n".encode()
    head = _with_text(refusal.status, refusal.headers, b"text/plain; charset=utf-8", text, method, context)
    return Response(refusal.status, head)


def _selected(request: Request, file: File, described: bytes) -> Span | None:
    # RFC 9110 section 14.2: Range means something for GET only.
    if request.method != b"GET" or not range_applies(request.headers, file.validators):
        return None
    try:
        return select(request.headers.get(b"range"), file.size)
    except Unsatisfiable:
        raise Refusal(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {file.size} bytes",
            headers=described + b"Content-Range: bytes */%d\r\n" % file.size,
        ) from None


def _with_text(
    status: HTTPStatus, headers: bytes, content_type: bytes, text: bytes, method: bytes, context: Context
) -> bytes:
    head = context.lines(status) + headers
    head += b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (content_type, len(text))
    return head if method == b"HEAD" else head + text


@lru_cache(maxsize=64)
def _opening(status: HTTPStatus, date: bytes, version: str, keep_alive: bool) -> bytes:
    if not keep_alive:
        connection = b"Connection: close\r\n"
    else:
        connection = b"Connection: keep-alive\r\n" if version == "1.0" else b""
    line = f"HTTP/1.1 {status.value} {status.phrase}\r\nServer: baseline-server\r\nDate: ".encode("ascii")
    return line + date + b"\r\n" + connection


@lru_cache(maxsize=1024)
def _described(validators: Validators) -> bytes:
    return b"ETag: %b\r\nLast-Modified: %b\r\nAccept-Ranges: bytes\r\n" % (
        validators.etag,
        http_date(validators.modified_s),
    )


@lru_cache(maxsize=1024)
def _content_type(name: bytes) -> bytes:
    guessed, encoding = mimetypes.guess_type("x" + name.decode("utf-8", "replace"))
    # An encoded type, such as tar.gz, names what is inside; the bytes that are sent are the compressed file's.
    return b"application/octet-stream" if guessed is None or encoding else guessed.encode("ascii")
