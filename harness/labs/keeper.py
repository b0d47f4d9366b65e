"""A keeper: a helper process that outlives the harness just long enough to end what the harness left behind.

Its stdin is a pipe whose other end only the harness holds. However the harness ends – also by SIGKILL – the pipe
closes, and that is the keeper's signal to sweep. The namespace lab's holder and the loopback lab's janitor are keepers.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from harness.errors import SwarmbenchError

CLOSE_TIMEOUT_S = 10.0
"""How long a keeper may sweep before we stop waiting for it; it usually takes a few milliseconds."""


def module_argv(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules; with `-P`, modules of the current directory cannot shadow real ones."""
    return [sys.executable, "-P", "-m", module, *arguments]


class Keeper:
    """A running keeper, asked in lines over its pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, argv: Sequence[str]) -> Keeper:
        """Start a keeper in a session of its own, out of the reach of Ctrl-C."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    async def ask(self, line: bytes) -> bytes:
        """Send one line and wait for the answer's line; raises SwarmbenchError when the keeper has ended instead."""
        assert self._process.stdin is not None and self._process.stdout is not None and self._process.stderr is not None
        try:
            self._process.stdin.write(line + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            pass  # it has ended; the empty answer below says so, and its stderr says why
        answer = await self._process.stdout.readline()
        if not answer:
            complaint = (await self._process.stderr.read()).decode(errors="replace").strip()
            last_line = complaint.splitlines()[-1] if complaint else "it said nothing"
            raise SwarmbenchError(f"the lab's keeper (process {self.pid}) ended: {last_line}; start the run again")
        return answer

    async def close(self) -> None:
        """Close the pipe and wait until the keeper has swept and ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
