"""A peer that fetches by a command: it is done when the command has ended well and its file has the right hash."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.contenders.hosting.errors import FetchFailed, Refused
from harness.contenders.hosting.events import Done, Event, FirstByte, Progress, Sources, Started, progress_pause_s
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import FetchOrder, PeerOrder, State
from harness.contenders.process_fleet.program import Program
from harness.scenarios.own import filled

FIRST_LOOK_S = 0.02
"""Until the first byte its file is looked at often, later only for progress: the end is told by the command's."""


class CommandPeer:
    """One downloader (implements `hosting.peer.Peer`)."""

    port = 0

    def __init__(self, order: PeerOrder, tally: Tally, template: str, fixed: Mapping[str, str]) -> None:
        """`fixed` are the template's names that are the same for all peers."""
        self.name = order.id
        self.address = order.address
        self.state = State.IDLE
        self._directory = Path(order.directory)
        self._template = template
        self._fixed = fixed
        self._tally = tally
        self._out: Path | None = None
        self._program: Program | None = None
        self._failure: str | None = None

    @property
    def bytes(self) -> int:
        """Bytes in its file."""
        try:
            return self._out.stat().st_size if self._out else 0
        except OSError:
            return 0

    async def fetch(self, order: FetchOrder) -> AsyncGenerator[Event, None]:
        """Run the command and tell how it goes; closing the stream ends the command. Raises Refused (409)."""
        if self.state is State.FETCHING:
            raise Refused(409, f"peer {self.name!r} is fetching already")
        self.state, self._failure = State.FETCHING, None
        self._tally.fetching += 1
        ok = False
        try:
            yield Started(time.monotonic())
            out = self._out = self._directory / _filename(order.source)
            out.unlink(missing_ok=True)
            try:
                async for event in self._followed(order.source, out):
                    yield event
                size = await asyncio.to_thread(_verified, out, order.sha256)
                ok = True
                yield Done(time.monotonic(), True, size, None, str(out), Sources(origin=size), 0)
            except FetchFailed as failure:
                brought, reason = self.bytes, self._failure or str(failure)
                yield Done(time.monotonic(), False, 0, reason, None, Sources(origin=0), brought)
        finally:
            self._tally.fetching -= 1
            self._tally.ended(ok)
            self._tally.received_bytes += self.bytes
            self.state = State.DONE if ok else State.FAILED
            await self._end()

    async def stop(self, reason: str, *, abrupt: bool = False) -> None:
        """End the command, if it runs; it knows one way to leave only, so `abrupt` changes nothing."""
        self._failure = reason
        await self._end()

    async def _followed(self, url: str, out: Path) -> AsyncGenerator[Event, None]:
        """First byte and progress, until the command has ended. Raises FetchFailed unless it ended well."""
        command = filled(
            self._template, {**self._fixed, "url": url, "out": out, "address": self.address, "name": out.name}
        )
        told: list[str] = []
        program = self._program = await Program.start(command, self._directory / "command.log", told.append)
        seen, began_at = 0, time.monotonic()
        while program.running or not told:
            await program.ended(progress_pause_s(time.monotonic() - began_at) if seen else FIRST_LOOK_S)
            size = self.bytes
            if size > seen:
                yield FirstByte(time.monotonic()) if seen == 0 else Progress(time.monotonic(), size)
                seen = size
        if program.returncode != 0:
            raise FetchFailed(told[0])

    async def _end(self) -> None:
        if self._program is not None:
            await self._program.stop()


def _filename(url: str) -> str:
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if name not in ("", ".", "..") and "/" not in name and "\0" not in name else "item"


def _verified(path: Path, sha256: str | None) -> int:
    """The size of a file that is what it should be; raises FetchFailed."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise FetchFailed(f"the command left no file: {path.name} ({error.strerror})") from None
    if sha256 is not None and found != sha256.lower():
        raise FetchFailed(f"wrong content: its SHA-256 is {found}, not {sha256}")
    return size
