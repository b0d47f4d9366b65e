"""Context switches of a process: of all its threads, and of those that have ended as they were last read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Switches(NamedTuple):
    """How often threads made way: to wait for something (voluntarily), or for others (preempted)."""

    waits: int = 0
    preemptions: int = 0


class SwitchMeter:
    """Counts those of one process from now on."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._threads: dict[str, Switches] = {}
        """By thread; its own count begins with it."""
        self._start = Switches()
        self._start = self.read()

    def read(self) -> Switches:
        """So many since the start; where the process has ended, until it was last read."""
        with suppress(OSError):
            for thread in self._tasks.iterdir():
                with suppress(OSError):
                    self._threads[thread.name] = _counted((thread / "status").read_bytes())
        threads = self._threads.values()
        return Switches(
            sum(each.waits for each in threads) - self._start.waits,
            sum(each.preemptions for each in threads) - self._start.preemptions,
        )


def _counted(status: bytes) -> Switches:
    """The last two lines (fs/proc/array.c: task_context_switch_counts)."""
    waits, _, preemptions = status.rpartition(b"\nvoluntary_ctxt_switches:")[2].split()[:3]
    return Switches(int(waits), int(preemptions))
