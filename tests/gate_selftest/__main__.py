"""`make gate-selftest`, and the recording that it needs: `python -m tests.gate_selftest record|check|real`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from random import Random

import click
from rich import box
from rich.console import Console
from rich.table import Table

from harness.errors import SwarmbenchError
from harness.gate.judgement import Outcome, judge
from harness.gate.measuring import Inconclusive, Measuring
from harness.gate.plan import DEFAULT, Plan, read_plan
from tests.gate_selftest.recording import NOISY, QUIET, hog, record, recorded, this_tree
from tests.gate_selftest.resampling import CASES, simulate


@click.group()
def commands() -> None:
    """Find out whether the gate is right on this machine."""


@commands.command(name="record")
@click.option(
    "--runs", default=150, show_default=True, help="Of each experiment; http and swarm each move bytes in one."
)
@click.option("--hog", "noisy", is_flag=True, help="With a background process that takes CPU in bursts.")
@click.option("--anew", is_flag=True, help="Forget what was recorded before.")
def record_command(runs: int, noisy: bool, anew: bool) -> None:
    """Record real runs of this tree, one after the other, on a machine that does nothing else (40 minutes for 150)."""
    path = NOISY if noisy else QUIET
    if anew:
        path.unlink(missing_ok=True)
    with hog() if noisy else nullcontext():
        record(read_plan(DEFAULT).experiments, runs, path, click.echo)


@commands.command(name="check")
@click.option("--gates", default=200, show_default=True, help="Simulated for each case.")
@click.option("--pairs", type=int, help="In a batch.  [default: the plan's]")
@click.option("--seed", default=1, show_default=True)
def check_command(gates: int, pairs: int | None, seed: int) -> None:
    """Simulate gates from the recorded runs, with and without changes; exit code 1 where they are not good enough."""
    plan = read_plan(DEFAULT, pairs)
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in ("case", "gates", "regression", "inconclusive", "pass", "asked", ""):
        table.add_column(heading)
    good = True
    for case in CASES:
        path, count = (NOISY, min(gates, 20)) if case.noisy else (QUIET, gates)
        runs = recorded(path)
        if missing := [each.name for each in plan.experiments if each.name not in runs]:
            raise click.ClickException(
                f"{path.name} has no run of {missing[0]}; record some: python -m {__package__} record"
            )
        told = simulate(plan, runs, case, count, Random(seed))
        met = case.met(told[case.outcome] / count)
        good &= met
        asked = f"≥ {case.at_least:.0%}" if case.at_least else f"≤ {case.at_most:.0%}"
        shares = [
            f"{told[outcome] / count:.1%}" for outcome in (Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)
        ]
        table.add_row(case.name, str(count), *shares, asked, "met" if met else "NOT MET")
    Console(width=110).print(table)
    sys.exit(not good)


@commands.command(name="real")
@click.option("--gates", default=10, show_default=True)
@click.option("--pairs", type=int, help="In a batch.  [default: the plan's]")
@click.option("--slow", metavar="WHAT:SHARE", help="Slow head down for real: wall:0.2, cpu:0.1.")
@click.option("--hog", "noisy", is_flag=True, help="With a background process that takes CPU in bursts.")
@click.option("--only", help="One experiment of the plan.")
def real_command(gates: int, pairs: int | None, slow: str | None, noisy: bool, only: str | None) -> None:
    """Run real gates of this tree against itself, or against itself slowed down (5 to 15 minutes each)."""
    plan = read_plan(DEFAULT, pairs)
    experiments = tuple(each for each in plan.experiments if only in (None, each.name))
    told: Counter[str] = Counter()
    with hog() if noisy else nullcontext():
        for number in range(1, gates + 1):
            began = time.monotonic()
            outcome = asyncio.run(_real(Plan(plan.pairs, experiments), number, slow))
            told[outcome] += 1
            click.echo(f"gate {number}: {outcome} after {time.monotonic() - began:.0f} s")
    click.echo(", ".join(f"{outcome}: {count}" for outcome, count in told.items()))


async def _real(plan: Plan, seed: int, slow: str | None) -> str:
    with tempfile.TemporaryDirectory() as room:
        arms = this_tree("base"), this_tree("head", slow)
        measuring = Measuring(plan, *arms, Path(room), Random(seed), lambda line: None)
        try:
            batches = await measuring.batches()
        except Inconclusive as error:
            return f"{Outcome.INCONCLUSIVE} ({error})"
    verdict = judge(plan, batches)
    for judgement in verdict.judgements:
        click.echo(f"  {judgement.subject}: {judgement.outcome}, {judgement.reason}")
    return verdict.outcome


if __name__ == "__main__":
    try:
        commands(prog_name=f"python -m {__package__}")
    except SwarmbenchError as problem:
        raise SystemExit(f"gate-selftest: {problem}") from None
