"""A small HTTP/1.1 GET. aiohttp's client would take a third of a node's memory for one request a minute.

The rule: whatever the server does, an answer takes bounded memory; how long it may take is the caller's to say.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from urllib.parse import SplitResult, urljoin, urlsplit

import httptools

from p2p_node.shell.errors import NodeError

MAX_REDIRECTS = 5
READ = 64 * 1024

HEADERS = 64 * 1024
"""Bytes of an answer beside its body; a body that its server does not measure ends with the connection."""

_REDIRECTS = (301, 302, 303, 307, 308)


class _Answer:
    """What the parser reports."""

    def __init__(self, most: int) -> None:
        self.location: str | None = None
        self.body = bytearray()
        self.whole = False
        self._most = most
        self._inflate: zlib._Decompress | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"location":
            self.location = value.decode("latin-1")
        elif name.lower() == b"content-encoding" and value.lower() in (b"gzip", b"deflate"):
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def on_body(self, part: bytes) -> None:
        if self._inflate is not None:
            part = self._inflate.decompress(part, self._most + 1 - len(self.body))
        self.body += part
        if len(self.body) > self._most:
            raise NodeError(f"answered with more than {self._most} bytes")

    def on_message_complete(self) -> None:
        self.whole = True


async def http_get(url: str, local: tuple[str, int] | None, most: int) -> bytes:
    """The body at this URL, redirects followed, at most `most` bytes unpacked. Raises NodeError, OSError."""
    for _ in range(MAX_REDIRECTS + 1):
        status, answer = await _ask(_target(url), local, most)
        if status not in _REDIRECTS or answer.location is None:
            return bytes(answer.body)
        url = urljoin(url, answer.location)
    raise NodeError(f"redirected more than {MAX_REDIRECTS} times")


def _target(url: str) -> SplitResult:
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise NodeError(f"{url} is no HTTP address")
    return target


async def _ask(target: SplitResult, local: tuple[str, int] | None, most: int) -> tuple[int, _Answer]:
    answer = _Answer(most)
    secure = target.scheme == "https"
    reader, writer = await asyncio.open_connection(
        target.hostname,
        target.port or (443 if secure else 80),
        local_addr=local,
        ssl=ssl.create_default_context() if secure else None,
    )
    try:
        writer.write(_request(target))
        parser = httptools.HttpResponseParser(answer)
        received = 0
        while not answer.whole and received < most + HEADERS and (data := await reader.read(READ)):
            received += len(data)
            parser.feed_data(data)
        if not parser.get_status_code():
            raise NodeError("did not answer")
        return parser.get_status_code(), answer
    except httptools.HttpParserError as error:
        raise NodeError(str(error.__context__ or error)) from None
    finally:
        writer.close()


def _request(target: SplitResult) -> bytes:
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    headers = f"Host: {target.netloc.rpartition('@')[2]}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n"
    return f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode("latin-1", "replace")
