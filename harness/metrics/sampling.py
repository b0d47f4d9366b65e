"""What processes use while they transfer: CPU and memory by role, once a second, from outside, by psutil.

The role `machine` is the whole machine's busy time, other people's processes included: it tells a saturated step apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from harness.labs.health import backlog_drops
from harness.results.roles import Role
from harness.results.schema import Sample
from harness.results.step import Step

INTERVAL_S = 1.0


@dataclass(slots=True)
class _Meter:
    """One process: its CPU time at the step's start, and the last reading, which outlives it."""

    process: psutil.Process
    with_children: bool
    """Whether children it has outlived count, too: commands that come and go between samples."""
    start_s: float
    cpu_s: float = 0.0
    rss_bytes: int = 0

    def read(self) -> None:
        with suppress(psutil.Error), self.process.oneshot():
            self.cpu_s = _cpu_s(self.process, self.with_children) - self.start_s
            self.rss_bytes = self.process.memory_info().rss


@dataclass(slots=True)
class Sampler:
    """Takes a step's samples; `verified` tells the bytes verified so far, which the role `peers` carries."""

    step: Step
    roles: Mapping[str, Iterable[int]]
    """Process ids by role."""
    verified: Callable[[], int]
    heard: Callable[[Sequence[Sample]], None]
    """Told of each round of samples."""
    samples: list[Sample] = field(default_factory=list)
    _meters: dict[str, list[_Meter]] = field(default_factory=dict)
    _t0: float = 0.0
    _busy_start_s: float = 0.0
    _drops_start: int = 0

    def start(self, t0: float) -> None:
        """Begin to count; `t0` is the step's start on the monotonic clock."""
        self._t0 = t0
        self._busy_start_s = _machine_busy_s()
        self._drops_start = backlog_drops()
        self._meters = {role: list(_meters(self._counted(role), role != Role.HARNESS)) for role in self.roles}

    async def run(self) -> None:
        """Take samples at every second after `t0` until cancelled."""
        due = self._t0
        while True:
            due += INTERVAL_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.take()

    def take(self) -> None:
        """Take one sample of every role now."""
        at_s = time.monotonic() - self._t0
        taken = [self._sample(role, meters, at_s) for role, meters in self._meters.items()]
        drops = backlog_drops() - self._drops_start
        taken.append(self._record(Role.MACHINE, at_s, _machine_busy_s() - self._busy_start_s, 0, drops))
        self.samples += taken
        self.heard(taken)

    def _counted(self, role: str) -> Iterable[psutil.Process]:
        """A role's processes and those they have started: a fleet may run a program for each of its peers.

        The harness has started everybody else's, which are not its own expense.
        """
        for pid in self.roles[role]:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                yield process
                if role != Role.HARNESS:
                    yield from process.children(recursive=True)

    def _sample(self, role: str, meters: list[_Meter], at_s: float) -> Sample:
        for meter in meters:
            meter.read()
        return self._record(role, at_s, sum(meter.cpu_s for meter in meters), sum(meter.rss_bytes for meter in meters))

    def _record(self, role: str, at_s: float, cpu_s: float, rss_bytes: int, drops: int = 0) -> Sample:
        return Sample(
            contender=self.step.contender,
            peers=self.step.peers,
            repeat=self.step.repeat,
            at_s=round(at_s, 6),
            role=role,
            cpu_s=round(cpu_s, 6),
            rss_bytes=rss_bytes,
            bytes=self.verified() if role == Role.PEERS else 0,
            backlog_drops=drops,
        )


def _meters(processes: Iterable[psutil.Process], with_children: bool) -> Iterable[_Meter]:
    for process in processes:
        with suppress(psutil.Error):
            yield _Meter(process, with_children, _cpu_s(process, with_children))


def _cpu_s(process: psutil.Process, with_children: bool) -> float:
    times = process.cpu_times()
    own = times.user + times.system
    return float(own + times.children_user + times.children_system if with_children else own)


def _machine_busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)
