"""The harness's side of the demand: starts Locust in a process of its own, hands it a step, and collects the ends."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from harness.demand.lifeline import die_with_parent
from harness.demand.messages import Answered, Assignment, Ended, Progress, Question, Ready, Report, Wish
from harness.errors import SwarmbenchError
from harness.results.schema import Sources, Transfer
from harness.results.step import Step

WARM_UP_TIMEOUT_S = 60.0
"""Importing Locust takes a second; a machine that needs a minute cannot measure anything."""

LINE_LIMIT = 2**20

LEAD_S = 0.3
LEAD_PER_PEER_S = 0.002
"""How long before t0 an assignment is sent: enough to spawn the users and connect them, measured at under 1 ms each."""

LAST_WORDS_S = 2.0

GRACE_S = 30.0
"""How long after the last transfer's deadline the process itself is given up."""

_decode = msgspec.json.Decoder(Report).decode


class DemandProcess:
    """Locust, warm and waiting for one assignment."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process id, to be metered as part of the harness."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it is warm; raises SwarmbenchError."""
        try:
            report = await asyncio.wait_for(self._next(), WARM_UP_TIMEOUT_S)
        except TimeoutError:
            report = None
        if not isinstance(report, Ready):
            raise SwarmbenchError(f"the demand process (Locust) did not come up; its log: {self._log}")

    async def act_out(
        self, assignment: Assignment, on_progress: Callable[[Progress], None], on_end: Callable[[Transfer], None]
    ) -> list[Ended]:
        """Every transfer of the step, in the order of the wishes; those the process left without an end are failed.

        `on_end` is told of each as soon as it ends.
        """

        def heard(report: Progress | Ended | Answered) -> None:
            if isinstance(report, Progress):
                on_progress(report)
            elif isinstance(report, Ended):
                on_end(report.transfer)

        ended = [report for report in await self._ends(assignment, heard) if isinstance(report, Ended)]
        by_host = {report.transfer.host: report for report in ended}
        step = Step(assignment.contender, assignment.peers, assignment.repeat)
        return [
            by_host.get(wish.host) or Ended(failed_transfer(step, wish.host, wish.intended_s, self._lost), path=None)
            for wish in assignment.wishes
            if isinstance(wish, Wish)
        ]

    async def ask(self, assignment: Assignment, on_progress: Callable[[Progress], None]) -> list[Answered]:
        """The answer to every question, in their order; those the process left without one carry the reason."""

        def heard(report: Progress | Ended | Answered) -> None:
            if isinstance(report, Progress):
                on_progress(report)

        answered = [report for report in await self._ends(assignment, heard) if isinstance(report, Answered)]
        by_number = {report.number: report for report in answered}
        return [
            by_number.get(wish.number) or unanswered(wish.number, self._lost)
            for wish in assignment.wishes
            if isinstance(wish, Question)
        ]

    async def _ends(
        self, assignment: Assignment, heard: Callable[[Progress | Ended | Answered], None]
    ) -> list[Ended | Answered]:
        """What came of the wishes, as far as the process tells before it ends or is given up."""
        await self.send(assignment)
        ends: list[Ended | Answered] = []
        last = max(wish.intended_s for wish in assignment.wishes)
        limit = assignment.t0 + last + assignment.deadline_s + GRACE_S - time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while len(ends) < len(assignment.wishes) and (report := await self._next()):
                    if isinstance(report, Ready):
                        continue
                    heard(report)
                    if not isinstance(report, Progress):
                        ends.append(report)
        return ends

    @property
    def _lost(self) -> str:
        return f"the demand process (Locust) ended early; its log: {self._log}"

    async def last_words(self) -> None:
        """Let it write Locust's own statistics into the log, which is all that is left to it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), LAST_WORDS_S)

    async def send(self, assignment: Assignment) -> None:
        """Hand over the assignment; a process that is gone shows when its reports are awaited."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(assignment) + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return await self._process.wait()

    async def _next(self) -> Report | None:
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
            return _decode(line) if line else None
        except (ValueError, msgspec.DecodeError) as error:
            raise SwarmbenchError(f"the demand process (Locust) said something else than a report: {error}") from error


@asynccontextmanager
async def demand_process(log: Path) -> AsyncIterator[DemandProcess]:
    """Start Locust; it warms up while the caller goes on. It is killed on exit."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "harness.demand.locustfile",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            limit=LINE_LIMIT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield DemandProcess(process, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def starting_time(peers: int) -> float:
    """A t0 on CLOCK_MONOTONIC that leaves the process time to spawn and connect that many users."""
    return time.monotonic() + LEAD_S + LEAD_PER_PEER_S * peers


def failed_transfer(step: Step, host: str, intended_s: float, error: str) -> Transfer:
    """The transfer of a peer that never got to fetch."""
    return Transfer(
        contender=step.contender,
        peers=step.peers,
        repeat=step.repeat,
        host=host,
        intended_s=intended_s,
        started_s=None,
        first_byte_s=None,
        done_s=None,
        bytes=0,
        ok=False,
        error=error,
        sources=Sources(),
        wasted_bytes=0,
    )


def unanswered(number: int, error: str) -> Answered:
    """What is on record of a question that nobody answered."""
    return Answered(number, None, None, None, None, [], None, None, error)
