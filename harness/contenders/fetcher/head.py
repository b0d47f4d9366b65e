"""The head of a response, sans-IO. The rule: only a body whose length is announced can be told from a torn one."""

from __future__ import annotations

from http import HTTPStatus

import httptools

from harness.contenders.hosting.errors import FetchFailed

_LIMIT = 64 * 1024
_END = b"\r\n\r\n"


class HeadReader:
    """Bytes in until the head is complete; then the body's length."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers: dict[bytes, bytes] = {}

    def receive(self, data: memoryview) -> tuple[int, memoryview] | None:
        """The body's length and the part of `data` that belongs to it, or None while the head is incomplete.

        Raises FetchFailed when the answer is not a 200 of a known length.
        """
        before = len(self._buffer)
        self._buffer += data
        while True:
            end = self._buffer.find(_END) + len(_END)
            if end < len(_END):
                if len(self._buffer) > _LIMIT:
                    raise FetchFailed(f"the response's head exceeds {_LIMIT} bytes")
                return None
            status = self._parse(bytes(self._buffer[:end]))
            if status >= 200:
                return self._length(status), data[end - before :]
            del self._buffer[:end]  # an interim response (RFC 9110 section 15.2); the final one follows
            before -= end

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools' callback."""
        self._headers[name.lower()] = value

    def _parse(self, head: bytes) -> int:
        self._headers.clear()
        parser = httptools.HttpResponseParser(self)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            raise FetchFailed(f"the answer is not HTTP: {error}") from None
        status: int = parser.get_status_code()
        return status

    def _length(self, status: int) -> int:
        if status != HTTPStatus.OK:
            phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
            raise FetchFailed(f"the server answered {status} {phrase}".rstrip())
        length = self._headers.get(b"content-length")
        if length is None or b"transfer-encoding" in self._headers:
            raise FetchFailed("the answer has no Content-Length, so a torn body could not be told from a whole one")
        return int(length)
