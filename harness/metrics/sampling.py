"""What processes use while they transfer: CPU, memory and context switches by role, once a second, from outside.

The role `machine` is the whole machine's busy time, other people's processes included: it tells a saturated step apart.
It has what all hosts send each other, too: they share one interface, which does not tell whose bytes it carries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psutil

from harness.labs.health import backlog_drops, link_bytes
from harness.metrics.switches import Switches, SwitchMeter
from harness.results.roles import Role
from harness.results.schema import Sample
from harness.results.step import Step

INTERVAL_S = 1.0


@dataclass(slots=True)
class _Meter:
    """One process: its CPU time at the step's start, and the last reading, which outlives it."""

    process: psutil.Process
    heir: bool
    """Whether it is charged for children that have ended, which a program run for one fetch does before it is read."""
    bequeathing: bool
    """Whether a metered parent is charged with what it used once it has ended."""
    start_s: float = 0.0
    cpu_s: float = 0.0
    rss_bytes: int = 0
    switches: Switches = field(init=False)
    _switching: SwitchMeter = field(init=False)

    def __post_init__(self) -> None:
        self.start_s = self._used_s()
        self._switching = SwitchMeter(self.process.pid)
        self.switches = self._switching.read()

    def read(self) -> None:
        self.switches = self._switching.read()
        try:
            with self.process.oneshot():
                self.cpu_s = self._used_s() - self.start_s
                self.rss_bytes = self.process.memory_info().rss
        except psutil.ZombieProcess:
            pass  # not yet its parent's
        except psutil.NoSuchProcess:
            if self.bequeathing:
                self.cpu_s = -self.start_s  # its parent has all of it, and what came before the start is nobody's
                self.rss_bytes = 0
        except psutil.Error:
            pass  # the last reading stands

    def _used_s(self) -> float:
        times = self.process.cpu_times()
        of_children = times.children_user + times.children_system if self.heir else 0.0
        return float(times.user + times.system + of_children)


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
    _link_bytes: int = 0
    _links_start: int = 0

    def start(self, t0: float) -> None:
        """Begin to count; `t0` is the step's start on the monotonic clock."""
        self._t0 = t0
        self._busy_start_s = _machine_busy_s()
        self._drops_start = backlog_drops()
        self._links_start = self._read_links()
        self._meters = {role: list(self._counted(role)) for role in self.roles}

    @asynccontextmanager
    async def during(self, t0: float) -> AsyncIterator[None]:
        """Take samples at every second after `t0` as long as this lasts."""
        self.start(t0)
        sampling = asyncio.create_task(self._run())
        try:
            yield
        finally:
            sampling.cancel()
            with suppress(asyncio.CancelledError):
                await sampling

    def take(self) -> None:
        """Take one sample of every role now."""
        at_s = time.monotonic() - self._t0
        taken = [self._sample(role, meters, at_s) for role, meters in self._meters.items()]
        taken.append(
            self._record(
                Role.MACHINE,
                at_s,
                _machine_busy_s() - self._busy_start_s,
                backlog_drops=backlog_drops() - self._drops_start,
                link_bytes=self._read_links() - self._links_start,
            )
        )
        self.samples += taken
        self.heard(taken)

    async def _run(self) -> None:
        due = self._t0
        while True:
            due += INTERVAL_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.take()

    def _counted(self, role: str) -> Iterable[_Meter]:
        """A role's processes and those they have started: a fleet may run a program for each of its peers.

        The harness has started everybody else's, which are not its own expense.
        """
        for pid in self.roles[role]:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                yield _Meter(process, heir=role != Role.HARNESS, bequeathing=False)
                for child in process.children(recursive=True) if role != Role.HARNESS else ():
                    with suppress(psutil.NoSuchProcess):
                        yield _Meter(child, heir=True, bequeathing=True)

    def _sample(self, role: str, meters: list[_Meter], at_s: float) -> Sample:
        for meter in meters:
            meter.read()
        return self._record(
            role,
            at_s,
            sum(meter.cpu_s for meter in meters),
            rss_bytes=sum(meter.rss_bytes for meter in meters),
            waits=sum(meter.switches.waits for meter in meters),
            preemptions=sum(meter.switches.preemptions for meter in meters),
        )

    def _read_links(self) -> int:
        """As the first of the processes that are still there sees it; the harness itself is outside of the lab."""
        inside = (pid for role, pids in self.roles.items() if role != Role.HARNESS for pid in pids)
        for pid in inside:
            with suppress(OSError):
                self._link_bytes = link_bytes(pid)
                break
        return self._link_bytes

    def _record(self, role: str, at_s: float, cpu_s: float, rss_bytes: int = 0, **figures: int) -> Sample:
        return Sample(
            contender=self.step.contender,
            peers=self.step.peers,
            repeat=self.step.repeat,
            at_s=round(at_s, 6),
            role=role,
            cpu_s=round(cpu_s, 6),
            rss_bytes=rss_bytes,
            bytes=self.verified() if role == Role.PEERS else 0,
            **figures,
        )


def _machine_busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)
