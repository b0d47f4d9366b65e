"""The access log: a line of JSON a response, when it has ended, with what the client really got of it.

The rule: whole lines, appended at once, so that workers may share a file and a reader never sees half of one.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from baseline_server.errors import UsageError
from baseline_server.request import Request

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_BATCH = 256
"""Lines that are kept back at most; the server also writes them out twice a second."""


class Entry(msgspec.Struct, frozen=True):
    """One response. Times are seconds: `at` since the epoch, when the request's head was complete."""

    at: float
    client: str
    method: str | None
    """None, as all that follows of the request, when none could be read."""
    target: str | None
    status: int
    sent_bytes: int
    """Handed to the kernel for this client, head included."""
    duration_s: float
    end: str
    """`sent`, or why it was cut."""
    range: str | None
    referer: str | None
    user_agent: str | None


class AccessLog:
    """A file of entries, opened for appending."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError when it cannot be written; `-` is the standard output."""
        self._path = path
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode
        self._failing = False
        try:
            self._fd = os.dup(1) if str(path) == "-" else os.open(path, _FLAGS, 0o644)
        except OSError as error:
            raise UsageError(f"cannot write the access log {path}: {error.strerror}") from None

    def write(self, entry: Entry) -> None:
        """Take an entry; whoever has the log flushes it now and then."""
        self._lines.append(self._encode(entry) + b"\n")
        if len(self._lines) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Append what was taken. Entries that a full disk does not take are lost, which is said once."""
        if not self._lines:
            return
        lines = b"".join(self._lines)
        self._lines.clear()
        try:
            whole = os.write(self._fd, lines) == len(lines)
            reason = "only part of the entries fitted"
        except OSError as error:
            whole, reason = False, error.strerror or str(error)
        if not whole and not self._failing:
            print(f"baseline-server: {self._path}: entries of the access log are lost: {reason}", file=sys.stderr)
        self._failing = not whole

    def close(self) -> None:
        """Write out what is left."""
        self.flush()
        os.close(self._fd)


class Exchange:
    """One request and its response, from the moment the response begins."""

    __slots__ = ("_asked", "_at", "_began", "_client", "_log", "_status")

    def __init__(self, log: AccessLog, client: str, asked: Request | None, status: int) -> None:
        self._log = log
        self._client = client
        self._asked = asked
        self._status = status
        self._at = time.time()
        self._began = time.monotonic()

    def end(self, sent_bytes: int, end: str) -> None:
        """Write the entry."""
        asked = self._asked
        headers = asked.headers if asked else {}
        entry = Entry(
            at=round(self._at, 6),
            client=self._client,
            method=_text(asked.method) if asked else None,
            target=_text(asked.target) if asked else None,
            status=self._status,
            sent_bytes=sent_bytes,
            duration_s=round(time.monotonic() - self._began, 6),
            end=end,
            range=_text(headers.get(b"range")),
            referer=_text(headers.get(b"referer")),
            user_agent=_text(headers.get(b"user-agent")),
        )
        self._log.write(entry)


def _text(value: bytes | None) -> str | None:
    """Bytes as they came, one character each; JSON escapes those that could forge a line or steer a terminal."""
    return value.decode("latin-1") if value is not None else None
