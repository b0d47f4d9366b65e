"""A client program of one peer: started, kept, and gone when its fleet is, also when that is killed."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.contenders.hosting.errors import FetchFailed

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)

RPC_ADDRESS = "127.0.0.1"
"""Where programs are asked: off the lab's links, so that asking costs a peer nothing of them."""

GRACE_S = 1.0
"""A client says goodbye to its tracker for longer than a step should wait; nobody needs it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Caps in bytes per second; None for none."""

    up: float | None = None
    down: float | None = None


class Program:
    """One running process."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: Path, on_end: Callable[[str], None]
    ) -> None:
        self._process = process
        self._log = log
        self._watch = asyncio.create_task(self._tell_end(name, on_end))

    @classmethod
    async def start(cls, command: Sequence[str], log: Path, on_end: Callable[[str], None]) -> Program:
        """Start a command; `on_end` is told in one line when it ends. Raises FetchFailed."""
        try:
            with log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    preexec_fn=_die_with_fleet,
                )
        except OSError as error:
            raise FetchFailed(f"{command[0]} cannot be started: {error.strerror}") from None
        return cls(command[0], process, log, on_end)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.returncode

    async def ended(self, patience: float) -> None:
        """Wait until its end was told, at most `patience` seconds."""
        await asyncio.wait([self._watch], timeout=patience)

    async def stop(self) -> None:
        """Ask it to end, then make it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                break
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE_S)

    async def _tell_end(self, name: str, on_end: Callable[[str], None]) -> None:
        code = await self._process.wait()
        words = self._log.read_text(errors="replace").strip().splitlines()
        last = f"; its last words: {words[-1].strip()}" if words else ""
        on_end(f"{name} ended with exit code {code}{last}")


def encoded(torrent: Path) -> str:
    """A torrent as clients take it over their interfaces; raises FetchFailed."""
    try:
        return base64.b64encode(torrent.read_bytes()).decode()
    except OSError as error:
        raise FetchFailed(f"{torrent} cannot be read: {error.strerror}") from None


def _die_with_fleet() -> None:
    """In the child: be killed when the fleet ends, however it ends (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
