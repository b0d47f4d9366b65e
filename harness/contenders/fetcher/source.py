"""Where an item is fetched from: a URL, taken apart once."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from harness.contenders.hosting.errors import Refused


@dataclass(frozen=True, slots=True)
class Source:
    """An `http` URL: whom to connect to, what to ask for, and the name under which the item is stored."""

    url: str
    host: str
    port: int
    request: bytes
    """The request's head, whole."""
    filename: str


def parse(url: str) -> Source:
    """Take a URL apart. Raises Refused (400) for anything but `http://host[:port]/path/name`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(400, f"source {url!r}: {error}") from None
    if parts.scheme != "http" or not host:
        raise Refused(400, f"source {url!r} is not a URL of the form http://host:port/name")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not url.isascii() or any(character <= " " for character in target + parts.netloc):
        raise Refused(400, f"source {url!r} holds characters that must be percent-encoded")
    filename = unquote(parts.path.rpartition("/")[2])
    if filename in ("", ".", "..") or "/" in filename or "\0" in filename:
        raise Refused(400, f"source {url!r} does not end in a file's name")
    authority = parts.netloc.rpartition("@")[2]
    request = (
        f"GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: swarmbench-fetcher\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    return Source(url, host, port or 80, request.encode("ascii"), filename)
