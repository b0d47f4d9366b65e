"""The story of a gate: plan → two arms made ready → pairs → verdict → reports."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec

from harness.errors import UsageError
from harness.gate.arms import Arm, own_arms
from harness.gate.judgement import judge
from harness.gate.measuring import PAIRS, Measuring, PairRecord
from harness.gate.plan import Plan
from harness.gate.record import GateRecord, record_of
from harness.gate.reports import junit, markdown, write_picture
from harness.gate.revisions import find_repository, ready_arm, refuse_changes, resolve
from harness.results.environment import describe_machine
from harness.results.files import append_lines, read_lines, writing

JSON, MARKDOWN, JUNIT, PICTURE = "gate.json", "gate.md", "gate.xml", "gate.png"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Two revisions of the project's repository; without `head` it is the commit that is checked out. With
    `shared_python` both run on the interpreter that runs the gate."""

    base: str
    head: str | None
    shared_python: bool


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Two files that define the same contenders."""

    base: Path
    head: Path


@dataclass(frozen=True, slots=True)
class GateOrder:
    """What a person asked for."""

    plan: Plan
    sides: Revisions | OwnFiles
    out: Path | None
    seed: int


async def gate(order: GateOrder, tell: Callable[[str], None]) -> tuple[GateRecord, Path]:
    """Measure and judge; returns the record and the directory where everything lies. Raises SwarmbenchError; what was
    measured before is on record then, and no worktree is left."""
    if order.out is not None:
        _refuse_used(order.out)  # before anything takes time
    async with _ready(order.sides, tell) as (base, head):
        out = directory(order.out)
        measuring = Measuring(order.plan, base, head, out, Random(order.seed), tell)
        batches = await measuring.batches()
    record = record_of(
        judge(order.plan, batches),
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        base=base.revision,
        head=head.revision,
        machine=str(describe_machine().get("cpu", "")),
        pairs=order.plan.pairs,
        batches=len(batches),
    )
    with writing(out):
        write_picture(read_lines(out / PAIRS, PairRecord), out / PICTURE)
    return record, out


def publish(record: GateRecord, out: Path, history: Path | None) -> None:
    """Write a verdict for programs, pull requests and CI servers; raises SwarmbenchError."""
    with writing(out):
        (out / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        (out / MARKDOWN).write_text(markdown(record), encoding="utf-8")
        (out / JUNIT).write_bytes(junit(record))
    if history is not None:
        append_lines(history, [record])


def directory(out: Path | None) -> Path:
    """The directory of a gate, new or empty; raises UsageError."""
    path = out or Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-gate"
    _refuse_used(path)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def _refuse_used(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path}: exists already; choose another directory with --out")


@asynccontextmanager
async def _ready(sides: Revisions | OwnFiles, tell: Callable[[str], None]) -> AsyncIterator[tuple[Arm, Arm]]:
    if isinstance(sides, OwnFiles):
        yield own_arms(sides.base, sides.head, Path(sys.executable))
        return
    repository = await find_repository(Path.cwd())
    base = await resolve(repository, sides.base)
    if sides.head is None:
        await refuse_changes(repository)
    head = await resolve(repository, sides.head or "HEAD")
    async with AsyncExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-of-swarmbench-")))
        arms: list[Arm] = []
        for name, commit in (("base", base), ("head", head)):
            tell(f"making {name} ready: {commit[:12]}")
            ready = ready_arm(name, repository, commit, room, shared_python=sides.shared_python)
            arms.append(await stack.enter_async_context(ready))
        yield arms[0], arms[1]
