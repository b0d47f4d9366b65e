"""The story of a gate: plan → two revisions made ready → pairs → verdict → reports."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec

from harness.errors import UsageError
from harness.gate.judgement import judge, needs_second_batch
from harness.gate.measuring import Measuring, PairRecord
from harness.gate.plan import Plan
from harness.gate.record import GateRecord, record_of
from harness.gate.reports import junit, markdown, write_picture
from harness.gate.revisions import Arm, find_repository, ready_arm, refuse_changes, resolve
from harness.results.environment import describe_machine
from harness.results.files import append_lines, read_lines, writing

PAIRS, JSON, MARKDOWN, JUNIT, PICTURE = "pairs.jsonl", "gate.json", "gate.md", "gate.xml", "gate.png"


@dataclass(frozen=True, slots=True)
class GateOrder:
    """What a person asked for; without `head` it is the commit that is checked out."""

    plan: Plan
    base: str
    head: str | None
    out: Path | None
    seed: int
    history: Path | None
    shared_python: bool


async def gate(order: GateOrder, tell: Callable[[str], None]) -> tuple[GateRecord, Path]:
    """Measure and judge; returns the record and the directory where everything lies. Raises SwarmbenchError; what was
    measured before is on record then, and no worktree is left."""
    repository = await find_repository(Path.cwd())
    base = await resolve(repository, order.base)
    if order.head is None:
        await refuse_changes(repository)
    head = await resolve(repository, order.head or "HEAD")
    out = _directory(order.out)
    async with AsyncExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-of-swarmbench-")))
        arms: list[Arm] = []
        for name, commit in (("base", base), ("head", head)):
            tell(f"making {name} ready: {commit[:12]}")
            ready = ready_arm(name, repository, commit, room, shared_python=order.shared_python)
            arms.append(await stack.enter_async_context(ready))
        measuring = Measuring(order.plan, arms[0], arms[1], out, Random(order.seed), tell)
        batches = [await measuring.batch(1)]
        if needs_second_batch(order.plan, batches[0]):
            tell("suspect: a second batch will tell")
            batches.append(await measuring.batch(2))
    record = record_of(
        judge(order.plan, batches),
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        base=base,
        head=head,
        machine=str(describe_machine().get("cpu", "")),
        pairs=order.plan.pairs,
        batches=len(batches),
    )
    _publish(record, out)
    if order.history is not None:
        append_lines(order.history, [record])
    return record, out


def _publish(record: GateRecord, out: Path) -> None:
    with writing(out):
        (out / JSON).write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        (out / MARKDOWN).write_text(markdown(record), encoding="utf-8")
        (out / JUNIT).write_bytes(junit(record))
        write_picture(read_lines(out / PAIRS, PairRecord), out / PICTURE)


def _directory(out: Path | None) -> Path:
    path = out or Path("results") / f"{time.strftime('%Y%m%d-%H%M%S')}-gate"
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path}: exists already; choose another directory with --out")
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path
