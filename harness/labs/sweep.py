"""Ending what a dead harness left behind, whoever its parent is by now. Linux only: it reads /proc."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PAUSE_S = 0.02
QUIET_ROUNDS = 5
"""Clean rounds in a row before a sweep ends: a process that was about to join while we looked shows up in one."""
PATIENCE_S = 8.0
"""When to give up on processes that SIGKILL cannot end (stuck in the kernel): before the harness gives up on us."""


def sweep(is_ours: Callable[[Path], bool]) -> None:
    """Kill every process but this one whose /proc directory `is_ours`, until there are none."""
    quiet = 0
    deadline = time.monotonic() + PATIENCE_S
    while quiet < QUIET_ROUNDS and time.monotonic() < deadline:
        found = [pid for pid in _others() if _belongs(pid, is_ours)]
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        quiet = 0 if found else quiet + 1
        time.sleep(PAUSE_S)


def _others() -> list[int]:
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid()]


def _belongs(pid: int, is_ours: Callable[[Path], bool]) -> bool:
    try:
        return is_ours(Path(f"/proc/{pid}"))
    except OSError:  # gone in the meantime, a zombie, or somebody else's
        return False
