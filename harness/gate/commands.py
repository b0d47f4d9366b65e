"""`swarmbench gate` and `swarmbench history`, as the command line understands them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from harness.errors import SwarmbenchError, UsageError
from harness.gate.arms import own_contenders
from harness.gate.change_points import INSTALL, change_points, otava
from harness.gate.command import GateOrder, OwnFiles, Revisions, directory, gate, publish
from harness.gate.history import print_history, read_history, series_of, write_history_picture
from harness.gate.plan import DEFAULT, OWN, read_plan
from harness.gate.record import GateRecord, short
from harness.gate.reports import print_gate
from harness.gate.stored import gate_stored
from harness.interrupts import until_interrupted
from harness.results.store import latest_path

EXIT_CODES = {"pass": 0, "regression": 3, "inconclusive": 4}

_PATH = click.Path(path_type=Path)


@click.command(name="gate")
@click.argument("run", type=_PATH, required=False, metavar="[RUN]")
@click.option("--base", metavar="REV", help="The revision to compare with.")
@click.option("--head", metavar="REV", help="The revision to judge. [default: what is checked out]")
@click.option("--against", type=_PATH, metavar="RUN", help="Judge a stored RUN (the latest) against this one.")
@click.option(
    "--base-command", type=_PATH, metavar="FILE", help="Your own contender as it was: docs/own-contenders.md."
)
@click.option("--head-command", type=_PATH, metavar="FILE", help="Your own contender as it is.")
@click.option("--plan", type=_PATH, help="Another plan than the packaged one.")
@click.option("--pairs", type=click.IntRange(min=1), help="Pairs in a batch. [default: the plan's]")
@click.option("--seed", default=1, show_default=True, help="Of the order of arms and of content.")
@click.option("--out", type=_PATH, help="Where results go. [default: results/<time>-gate]")
@click.option("--append", "history", type=_PATH, help="Append the outcome to this history file.")
@click.option(
    "--this-python", is_flag=True, help="Run both revisions on this environment instead of building their own."
)
def gate_command(
    run: Path | None,
    base: str | None,
    head: str | None,
    against: Path | None,
    base_command: Path | None,
    head_command: Path | None,
    plan: Path | None,
    pairs: int | None,
    seed: int,
    out: Path | None,
    history: Path | None,
    this_python: bool,
) -> None:
    """Judge by pairs of runs whether a revision moves bytes worse than another (exit code 3 if so, 4 if unknown)."""
    if [base, against, base_command].count(None) != 2:
        raise UsageError("gate: name what to compare with, and only that: --base, --against or --base-command")
    if (base_command is None) != (head_command is None):
        raise UsageError("gate: --base-command and --head-command go together")
    if run is not None and against is None:
        raise UsageError(f"gate: {run}: a stored run is judged --against another")
    if head is not None and base is None:
        raise UsageError("gate: --head is a revision, and is judged against --base")
    if against is not None:
        record = gate_stored(against, run or latest_path())
        _finish(record, directory(out), history)
    elif base_command is not None and head_command is not None:
        own = own_contenders(base_command, head_command)
        order = GateOrder(read_plan(plan or OWN, pairs, own), OwnFiles(base_command, head_command), out, seed)
        _measure(order, history)
    elif base is not None:
        order = GateOrder(read_plan(plan or DEFAULT, pairs), Revisions(base, head, this_python), out, seed)
        _measure(order, history)


def _measure(order: GateOrder, history: Path | None) -> None:
    try:
        record, out = until_interrupted(gate(order, click.echo))
    except asyncio.CancelledError:
        raise SwarmbenchError("interrupted; the pairs measured so far are kept, and no worktree is left") from None
    _finish(record, out, history)


def _finish(record: GateRecord, out: Path, history: Path | None) -> None:
    publish(record, out, history)
    print_gate(record)
    click.echo(f"Reports: {out}")
    raise click.exceptions.Exit(EXIT_CODES[record.outcome])


@click.command(name="history")
@click.argument("file", type=_PATH, metavar="FILE")
@click.option("--picture", type=_PATH, metavar="PNG", help="Also draw the course of every figure.")
def history_command(file: Path, picture: Path | None) -> None:
    """Show the gates of a history FILE, and where Apache Otava sees figures change for good (advice, no verdict)."""
    records = read_history(file)
    series = series_of(records)
    print_history(records)
    program = otava()
    changes = until_interrupted(change_points(series, program)) if program else []
    for change in changes:
        where = f"{change.at}, {short(change.revision)}"
        click.echo(f"Change point: {change.series.subject}: {change.change:+.1%} from {where} on")
    if program is None:
        click.echo(f"Change points are not looked for: Apache Otava is missing; install it with: {INSTALL}")
    elif not changes:
        click.echo("No change points.")
    if picture is not None:
        write_history_picture(series, changes, picture)
        click.echo(f"Picture: {picture}")
