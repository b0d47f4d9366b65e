"""The processes that a lab started: each leads a session of its own and is gone when the lab closes.

Every argv that comes here already carries what ties it to the harness's life (`setpriv --pdeathsig`); this module only
starts, watches and ends.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness.errors import UsageError


class StartedProcess:
    """One process of a lab (implements `harness.labs.base.Process`)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id, as seen by the harness."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code (negative: the signal that ended it), or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        return await self._process.wait()

    async def stop(self, grace_s: float = 3.0) -> None:
        """Ask it to end (SIGTERM), then make it and its process group (SIGKILL); returns when it is gone."""
        if self.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except TimeoutError:
            # It leads its group and is not reaped yet, so the number cannot belong to anybody else.
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self._process.wait()


class Processes:
    """All processes of one lab."""

    def __init__(self) -> None:
        self._started: list[StartedProcess] = []

    async def start(
        self, tie: Sequence[str], argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None
    ) -> StartedProcess:
        """Start `argv` behind the command prefix `tie`; output is appended to `log`, `env` added to our environment.

        Raises UsageError when there is no such command: behind a prefix it would only show as exit code 127.
        """
        environment = {**os.environ, **(env or {})}
        command = shutil.which(argv[0], path=environment.get("PATH"))
        if command is None:
            raise UsageError(f"{argv[0]}: no such command; install it, or name it by its full path")
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *tie,
                command,
                *argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        started = StartedProcess(process)
        self._started.append(started)
        return started

    async def stop_all(self) -> None:
        """Stop every process that still runs, all at once."""
        await asyncio.gather(*(process.stop() for process in self._started))
