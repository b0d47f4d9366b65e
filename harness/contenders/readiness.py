"""Waiting for processes: until they say they are ready, or are known not to come up – then with their last words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from harness.errors import SwarmbenchError
from harness.labs.base import Process

READY_TIMEOUT_S = 30.0
"""A Python process with its imports is up in a second on an idle machine; thirty forgive a very busy one."""

POLL_S = 0.02

LAST_WORDS = 300
"""Characters of a log that fit into one line of an error."""


def last_words(log: Path) -> str:
    """The last line a process wrote, which for a Python program names the error."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it left no log"
    return f"its last words: {lines[-1].strip()[:LAST_WORDS]}" if lines else "it said nothing"


async def until_ready(
    what: str, process: Process, log: Path, ready: Callable[[], Awaitable[bool]], timeout_s: float = READY_TIMEOUT_S
) -> None:
    """Wait until `ready`; raises SwarmbenchError when the process ends first or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not await ready():
        if process.returncode is not None:
            raise SwarmbenchError(f"{what} ended with exit code {process.returncode}; {last_words(log)} (log: {log})")
        if time.monotonic() > deadline:
            raise SwarmbenchError(f"{what} is not ready after {timeout_s:.0f} s; {last_words(log)} (log: {log})")
        await asyncio.sleep(POLL_S)


async def until_says(what: str, process: Process, log: Path, word: str) -> None:
    """Wait until a line of the log starts with a word; raises like `until_ready`."""

    async def said() -> bool:
        return log.exists() and any(line.startswith(word) for line in log.read_text(errors="replace").splitlines())

    await until_ready(what, process, log, said)


async def until_done(what: str, process: Process, log: Path) -> None:
    """Wait until a process has done its work; raises SwarmbenchError unless it succeeds in time."""
    try:
        code = await asyncio.wait_for(process.wait(), READY_TIMEOUT_S)
    except TimeoutError:
        raise SwarmbenchError(f"{what} is not done after {READY_TIMEOUT_S:.0f} s (log: {log})") from None
    if code != 0:
        raise SwarmbenchError(f"{what} ended with exit code {code}; {last_words(log)} (log: {log})")
