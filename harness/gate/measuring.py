"""Pairs measured: both arms run the same experiment one right after the other, in random order, each from scratch."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from harness.errors import SwarmbenchError, UsageError
from harness.gate.arms import Arm
from harness.gate.figures import read_figure
from harness.gate.judgement import Batch, Pair, Subject, subjects, suspects
from harness.gate.plan import Experiment, Plan
from harness.gate.record import short
from harness.results.files import append_lines
from harness.results.run import read_run
from harness.results.schema import Row

_Item = TypeVar("_Item")

PAIRS = "pairs.jsonl"
"""Where the pairs lie in a gate's directory."""

SHORTEST_S = 0.5
"""A transfer that takes less is mostly its own beginning, and says little of throughput."""

RUN_S = 600.0
"""A run that takes longer hangs, and is ended."""

GRACE_S = 10.0
"""How long an interrupted run may take to clean up."""

BRIEF = "--no-report"
"""The option of `run` that leaves reports and pictures out."""

MOST_ATTEMPTS = 2
"""Of the pairs that a batch should have: so many may be tried in all, as rows of a disturbed machine do not count."""


class Inconclusive(SwarmbenchError):
    """Too few pairs could be measured to say anything (exit code 4)."""

    exit_code = 4


class PairRecord(msgspec.Struct, frozen=True):
    """One pair of one subject: a line of `pairs.jsonl`; `first` is the arm that ran first."""

    batch: int
    pair: int
    experiment: str
    contender: str
    figure: str
    base: float
    head: float
    first: str


class Measuring:
    """Runs batches of pairs, and keeps each pair in `directory` as soon as it is measured."""

    def __init__(
        self, plan: Plan, base: Arm, head: Arm, directory: Path, rng: Random, tell: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._arms = (base, head)
        self._directory = directory
        self._rng = rng
        self._tell = tell
        self._options: dict[str, Sequence[str]] = {}

    async def batches(self) -> list[Batch]:
        """The plan's batch, after a pair of each experiment that counts for nothing, and a second one of whatever is
        suspect in the first. Raises as `batch` does."""
        await self._warm_up()
        measured = [await self.batch(1, self._plan.experiments)]
        if again := suspects(self._plan, measured[0]):
            self._tell(f"suspect: a second batch of {', '.join(each.name for each in again)} will tell")
            measured.append(await self.batch(2, again))
        return measured

    async def _warm_up(self) -> None:
        """One pair of every experiment, for caches and clocks."""
        for experiment in self._plan.experiments:
            self._tell(f"warming up: {experiment.name}")
            await self._pair(experiment)

    async def batch(self, number: int, experiments: Sequence[Experiment]) -> Batch:
        """As many valid pairs of these experiments as the plan asks for. Raises SwarmbenchError when an arm crashes,
        Inconclusive when too many rows are invalid."""
        pairs: dict[Subject, list[Pair]] = {s: [] for each in experiments for s in subjects(each)}
        waiting = {experiment.name: self._plan.pairs for experiment in experiments}
        attempts = dict.fromkeys(waiting, 0)
        while any(waiting.values()):
            for experiment in self._shuffled([each for each in experiments if waiting[each.name]]):
                attempts[experiment.name] += 1
                if attempts[experiment.name] > MOST_ATTEMPTS * self._plan.pairs:
                    raise Inconclusive(
                        f"{experiment.name}: more than half of its pairs are invalid: is the machine busy?"
                    )
                done = self._plan.pairs - waiting[experiment.name] + 1
                first, rows, reason = await self._pair(experiment)
                if reason is not None:
                    self._tell(f"batch {number}, {experiment.name}: a pair does not count: {reason}")
                    continue
                waiting[experiment.name] -= 1
                records = [_record(subject, rows, first, number, done) for subject in subjects(experiment)]
                append_lines(self._directory / PAIRS, records)
                for subject, record in zip(subjects(experiment), records, strict=True):
                    pairs[subject].append(Pair(record.base, record.head))
                self._tell(f"batch {number}, {experiment.name}: pair {done} of {self._plan.pairs}")
        return pairs

    async def _pair(self, experiment: Experiment) -> tuple[str, dict[str, dict[str, Row]], str | None]:
        """Which arm ran first, each arm's rows by contender, and why the pair does not count, if it does not."""
        seed = self._rng.randrange(1, 1_000_000)
        order = self._shuffled(self._arms)
        rows = {}
        for arm in order:
            out = self._directory.resolve() / f"last-{arm.name}"
            rows[arm.name] = await measure(experiment, arm, seed, out, await self._brief(arm))
        invalid = [row.invalid_reason for found in rows.values() for row in found.values() if not row.valid]
        return order[0].name, rows, next((reason or "invalid" for reason in invalid), None)

    async def _brief(self, arm: Arm) -> Sequence[str]:
        """What spares an arm the report that nobody reads, where its harness is new enough to know."""
        if arm.name not in self._options:
            _, help_text = await _run(arm.run("--help"), arm)
            self._options[arm.name] = [BRIEF] if BRIEF in help_text else []
        return self._options[arm.name]

    def _shuffled(self, items: Sequence[_Item]) -> list[_Item]:
        return self._rng.sample(items, len(items))


def _record(subject: Subject, rows: dict[str, dict[str, Row]], first: str, batch: int, pair: int) -> PairRecord:
    base, head = (read_figure(subject.figure, rows[arm][subject.contender]) for arm in ("base", "head"))
    if base is None or head is None:
        raise UsageError(f"{subject}: the scenario gives no such figure; gate another in the plan")
    return PairRecord(batch, pair, subject.experiment, subject.contender, subject.figure, base, head, first)


async def measure(experiment: Experiment, arm: Arm, seed: int, out: Path, options: Sequence[str]) -> dict[str, Row]:
    """The rows of one fresh run by an arm's own harness, by contender; its directory is kept until the next run. Raises
    SwarmbenchError when a transfer fails: an arm that does not deliver has no speed."""
    shutil.rmtree(out, ignore_errors=True)
    command = arm.run(experiment.scenario, "--contenders", ",".join(experiment.contenders), *options)
    command += ["--peers", str(experiment.peers), "--repeats", "1", "--seed", str(seed), "--out", str(out)]
    for setting in experiment.settings:
        command += ["--set", setting]
    code, told = await _run(command, arm)
    summary = read_run(out).summary if code == 0 else None
    failed = [row for row in summary.rows if row.failed] if summary else []
    if summary is None or failed:
        reason = f"{failed[0].contender}: {failed[0].invalid_reason}" if failed else _last_line(told)
        raise SwarmbenchError(
            f"{arm.name} ({short(arm.revision)}) cannot run {experiment.name}: {reason} (kept: {out})"
        )
    rows = {row.contender: row for row in summary.rows}
    for row in rows.values():
        if row.completion_s.last is not None and row.completion_s.last < SHORTEST_S:
            raise UsageError(
                f"{experiment.name}: {row.contender} takes {row.completion_s.last:.2f} s, too short to judge; "
                f"let it move more (content.size) until it takes {SHORTEST_S} s"
            )
    return rows


async def _run(command: Sequence[str], arm: Arm) -> tuple[int, str]:
    """Exit code and all that a run said; a cancelled one is asked to end, so that it cleans up."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=arm.directory,
        env=arm.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # a terminal's Ctrl-C is for the gate, which tells the run
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), RUN_S)
    except TimeoutError:
        return -1, f"not done after {RUN_S:.0f} s"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, told.decode(errors="replace")


def _last_line(told: str) -> str:
    lines = told.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
