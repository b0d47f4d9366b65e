"""One download by curl: the program receives and stores, and what it has stored is hashed when it has ended.

A second client, written by others, beside our own: what two servers are to each other should not hang on who asks them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from harness.contenders.fetcher.source import Source
from harness.contenders.hosting.errors import FetchFailed

_FIRST_BYTE = "%{stderr}%{time_starttransfer}\\n"
"""What curl writes to its standard error at the end: after an error, if there was one, the seconds from its start to
the first byte."""


class CurlDownload:
    """Receives one item (implements `fetcher.peer.Download`)."""

    def __init__(self, source: Source, directory: Path, sha256: str | None) -> None:
        loop = asyncio.get_running_loop()
        self.first_byte: asyncio.Future[float] = loop.create_future()
        self.finished: asyncio.Future[float] = loop.create_future()
        self.path = directory / source.filename
        self._stored = 0
        self._source = source
        self._sha256 = sha256
        self._fd: int | None = None
        self._process: Process | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def received(self) -> int:
        """Bytes that came, as far as is known: curl stores them at once, and tells no other count."""
        return self.stored

    @property
    def stored(self) -> int:
        """Bytes stored so far: we share the file's position with curl, whose standard output it is."""
        if self._fd is not None:
            self._stored = os.lseek(self._fd, 0, os.SEEK_CUR)
        return self._stored

    async def connect(self, address: str) -> None:
        """Start curl, which connects from `address`. Raises FetchFailed."""
        try:
            # Not truncated: a file that is written over costs a fifth of a new one, and our own client spares it too.
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise FetchFailed(f"cannot store {self.path}: {error.strerror}") from None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_command(self._source.url, address), stdin=DEVNULL, stdout=self._fd, stderr=PIPE
            )
        except OSError as error:
            raise FetchFailed(f"curl cannot be started: {error.strerror}") from None
        if self.finished.done():  # stopped meanwhile
            self.hang_up()
        self._following = asyncio.create_task(self._follow(self._process))

    def fail(self, failure: FetchFailed, *, abrupt: bool = False) -> None:
        """End the download, if it has not ended; a killed curl closes its connection in one way only."""
        if not self.finished.done():
            self.finished.set_exception(failure)
            self.hang_up()
            if self._fd is not None:
                self._close()
                self.path.unlink(missing_ok=True)

    def hang_up(self) -> None:
        """Kill curl, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _follow(self, process: Process) -> None:
        began = time.monotonic()
        _, said = await process.communicate()
        [words, *_] = said.decode(errors="replace").strip().splitlines() or [""]
        if self.finished.done():
            return
        try:
            if process.returncode != 0:
                raise FetchFailed(words or f"curl ended with exit code {process.returncode}")
            first_s = float(words)
            await asyncio.to_thread(self._verify, self.stored)
        except FetchFailed as failure:
            self.fail(failure)
            return
        if not self.finished.done():
            self._close()
            self.first_byte.set_result(began + first_s)
            self.finished.set_result(time.monotonic())

    def _verify(self, length: int) -> None:
        """Cut off what an older, longer file has left behind curl's end, and hash the rest. Raises FetchFailed."""
        try:
            os.truncate(self.path, length)
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest() if self._sha256 else None
        except OSError as error:
            raise FetchFailed(f"cannot read {self.path} again: {error.strerror}") from None
        if found != self._sha256:
            raise FetchFailed(f"wrong content: its SHA-256 is {found}, not {self._sha256}")

    def _close(self) -> None:
        assert self._fd is not None, "opened before curl was started"
        self._stored = self.stored
        os.close(self._fd)
        self._fd = None


def _command(url: str, address: str) -> list[str]:
    return [
        "curl",
        "--disable",  # nobody's .curlrc
        "--silent",
        "--show-error",
        "--fail",
        "--globoff",
        "--http1.1",
        "--noproxy",
        "*",
        "--interface",
        address,
        "--write-out",
        _FIRST_BYTE,
        "--url",
        url,
    ]
