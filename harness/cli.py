"""The command line: what a person asked for becomes an Order, and what went wrong becomes one line."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import survey
from harness.analysis.thresholds import Reached, check, outcome
from harness.contenders.catalogue import CONTENDERS
from harness.doctor import examine
from harness.drive import drive
from harness.errors import SwarmbenchError, UsageError, unexpected
from harness.gate.commands import gate_command, history_command
from harness.interrupts import until_interrupted
from harness.labs import catalogue as labs
from harness.likeness import compare
from harness.metrics.commands import backfill_command, export_command
from harness.modelling.commands import crosscheck_command, scale_command
from harness.observing.access import find_token, read_url
from harness.observing.commands import dashboards_commands, observe_command
from harness.observing.watching import Observation
from harness.ports import free_port
from harness.publish import REPORT, publish
from harness.replaying import replay
from harness.reports import calibration
from harness.reports.difference import print_differences
from harness.reports.terminal import WIDTH, print_summary
from harness.reports.thresholds import print_thresholds
from harness.results.run import read_run
from harness.results.schema import Summary
from harness.results.step import Step, order_steps
from harness.run import Order, run
from harness.scenarios import catalogue as scenarios
from harness.scenarios.reading import parse_overrides, read_contenders, read_scenario

PROGRAM = "swarmbench"

THRESHOLD_EXIT_CODES = {Reached.YES: 0, Reached.NO: 3, Reached.UNKNOWN: 4}


def perform(arguments: Sequence[str]) -> int:
    """Do what the command line says; returns the exit code."""
    try:
        code = commands.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except SwarmbenchError as error:
        return _complain(str(error), error.exit_code)
    except click.ClickException as error:
        return _complain(f"{error.format_message()} (see {PROGRAM} --help)", 2)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", 1)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        return _complain(str(unexpected(error, Path(tempfile.gettempdir()))), 1)
    return code or 0  # click returns what a command exits with


@click.group(no_args_is_help=False)
@click.version_option(package_name=PROGRAM)
def commands() -> None:
    """Settle with measurements when peer-to-peer beats client-server."""


@commands.command(name="run")
@click.argument("scenario")
@click.option("--contenders", help="Which to compare, as in http,swarm.")
@click.option("--contenders-file", type=click.Path(path_type=Path), help="Your own ones: docs/own-contenders.md.")
@click.option("--peers", help="Numbers of peers, as in 1,4,16.")
@click.option("--repeats", help="How often each step is played.")
@click.option("--seed", help="Of content, arrivals and order.")
@click.option("--lab", default=labs.AUTO, show_default=True, help="Where hosts live; see: swarmbench labs.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a scenario's key; repeatable.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="METRIC>=VALUE",
    help="What must be reached (exit code 3 if not), in place of the scenario's thresholds; repeatable.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The run directory. [default: results/<time>-<scenario>]")
@click.option("--resume", is_flag=True, help="Continue the run in --out, or the latest one.")
@click.option("--no-report", is_flag=True, help="Keep records and summary only; swarmbench report makes the rest.")
@click.option("--locust-ui", is_flag=True, help="Drive the first contender by hand in Locust's web UI.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics of the run on 127.0.0.1.")
@click.option("--metrics-per-peer", is_flag=True, help="Tell there of every single peer, too, of up to 256.")
@click.option("--observe", is_flag=True, help="Serve them on some port, mark steps in Grafana, and say where to look.")
@click.option("--grafana", metavar="URL", help="With --observe: a Grafana that exists. [default: swarmbench observe's]")
@click.option("--token-env", metavar="NAME", help="The variable that holds its token. [default: GRAFANA_TOKEN]")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="FILE", help="The file that holds its token.")
def run_command(
    scenario: str,
    lab: str,
    assignments: Sequence[str],
    thresholds: Sequence[str],
    out: Path | None,
    resume: bool,
    no_report: bool,
    locust_ui: bool,
    metrics_port: int | None,
    metrics_per_peer: bool,
    observe: bool,
    grafana: str | None,
    token_env: str | None,
    token_file: Path | None,
    contenders_file: Path | None,
    **overrides: str | None,
) -> None:
    """Compare contenders on a SCENARIO: a name, or the path of a TOML file."""
    given = parse_overrides(assignments)
    given.update((key, (f"--{key}", value)) for key, value in overrides.items() if value is not None)
    if thresholds:
        given["thresholds"] = ("--threshold", thresholds)
    if contenders_file is not None:
        given.update(read_contenders(contenders_file))
    wanted = read_scenario(scenarios.find(scenario), given)
    observation = _observation(observe, grafana, token_env, token_file)
    if locust_ui:
        with suppress(asyncio.CancelledError):
            until_interrupted(drive(wanted, lab, _say_where))
        return
    port = metrics_port or (free_port() if observation else None)
    order = Order(
        wanted, lab, out, resume, port, [PROGRAM, *sys.argv[1:]], not no_report, observation, metrics_per_peer
    )
    announced: list[Path] = []
    try:
        directory = until_interrupted(run(order, announced.append))
    except asyncio.CancelledError:
        raise _interrupted(order, announced) from None
    checked = check(wanted.thresholds, _show(directory))
    print_thresholds(checked)
    raise click.exceptions.Exit(THRESHOLD_EXIT_CODES[outcome(checked)])


@commands.command(name="report")
@click.argument("directory", type=click.Path(path_type=Path), metavar="RUN")
def report_command(directory: Path) -> None:
    """Make report, pictures and table anew from the records of a RUN directory."""
    publish(directory)
    _show(directory)


commands.add_command(gate_command)
commands.add_command(history_command)
commands.add_command(export_command)
commands.add_command(backfill_command)
commands.add_command(scale_command)
commands.add_command(crosscheck_command)
commands.add_command(observe_command)
commands.add_command(dashboards_commands)


@commands.command(name="compare")
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
@click.option("--force", is_flag=True, help="Also where lab, machine or scenario differ.")
def compare_command(first: Path, second: Path, force: bool) -> None:
    """Tell by how much run B differs from run A, and whether that is more than chance."""
    print_differences(compare(first, second, force=force))


@commands.command(name="replay")
@click.argument("directory", type=click.Path(path_type=Path), metavar="RUN")
def replay_command(directory: Path) -> None:
    """Play a RUN of the simulated lab again, and tell where it differs from what is on record, if anywhere."""
    for replayed in replay(directory):
        click.echo(f"{replayed.step}: {replayed.records} as recorded")


@commands.command(name="scenarios")
def scenarios_command() -> None:
    """List the packaged scenarios."""
    found = [read_scenario(scenarios.find(name)) for name in scenarios.names()]
    _print_table(("scenario", "title", "what it is"), [(each.name, each.title, each.description) for each in found])


@commands.command(name="contenders")
def contenders_command() -> None:
    """List the contenders, and what is missing for those that cannot run here."""
    rows = [
        (each.name, "no" if each.unavailable() else "yes", each.unavailable() or each.summary) for each in CONTENDERS
    ]
    _print_table(("contender", "runs here", "what it is"), rows)


@commands.command(name="doctor")
def doctor_command() -> None:
    """Tell what this machine lacks for which feature, and the command that installs it."""
    found = examine()
    _print_table(
        ("feature", "works", "what there is, or what to do"),
        [(each.feature, "yes" if each.works else "no", each.told) for each in found],
    )
    missing = sum(not each.works for each in found)
    click.echo(f"{len(found) - missing} of {len(found)} features work here.")


@commands.command(name="labs")
@click.option("--check", is_flag=True, help="Measure their links, and tell by how much they are off.")
@click.option("--lab", default=labs.AUTO, help="With --check: one lab.  [default: all that work here]")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="With --check: links.… of flash-crowd.")
def labs_command(check: bool, lab: str, assignments: Sequence[str]) -> None:
    """List the labs that this machine offers, and why not the rest."""
    if check:
        _check_links(lab, assignments)
        return
    rows = [(row.name, "yes" if row.availability.usable else "no", row.availability.reason) for row in labs.rows()]
    _print_table(("lab", "works here", "why"), rows)


def _check_links(lab: str, assignments: Sequence[str]) -> None:
    """Print what the links of one lab, or of each, carry; raises SwarmbenchError when that is too little or much."""
    scenario = read_scenario(scenarios.find("flash-crowd"), parse_overrides(assignments))
    if scenario.links.unlimited:
        raise UsageError("labs --check: unlimited links carry whatever the machine does; give them rates")
    failed = []
    for name in [lab] if lab != labs.AUTO else survey.usable_labs():
        surveyed = until_interrupted(survey.survey(scenario, name))
        Console(width=WIDTH).print(calibration.table(surveyed.calibration, f"{surveyed.lab} lab"))
        click.echo(f"round trip {surveyed.calibration.round_trip_s * 1e3:.3g} ms; {surveyed.verdict}")
        if not surveyed.good:
            failed.append(surveyed.lab)
    if failed:
        raise SwarmbenchError(f"the links of {' and '.join(failed)} are not what they should be; is the machine idle?")


def _observation(
    observe: bool, grafana: str | None, token_env: str | None, token_file: Path | None
) -> Observation | None:
    if observe:
        return Observation(grafana and read_url(grafana, "--grafana"), find_token(token_env, token_file))
    for option, value in (("--grafana", grafana), ("--token-env", token_env), ("--token-file", token_file)):
        if value is not None:
            raise UsageError(f"{option}: has a meaning only with --observe")
    return None


def _interrupted(order: Order, announced: Sequence[Path]) -> SwarmbenchError:
    if not announced:
        return SwarmbenchError("interrupted before anything was measured")
    [path] = announced
    kept, total = len(read_run(path).finished), len(order_steps(order.scenario))
    arguments = [word for word in order.command if word != "--resume"]
    where = [] if order.out is not None else ["--out", str(path)]
    again = shlex.join([*arguments, *where, "--resume"])
    return SwarmbenchError(f"interrupted: {kept} of {total} steps are kept in {path}; continue with: {again}")


def _say_where(address: str, step: Step) -> None:
    click.echo(f"Locust drives {step.contender} with up to {step.peers} users at {address} (Ctrl-C ends)")


def _show(directory: Path) -> Summary:
    """The table, where the report is, and an error when nothing at all was delivered; returns what was shown."""
    summary = read_run(directory).summary
    assert summary is not None
    print_summary(summary)
    if (directory / REPORT).exists():
        click.echo(f"Report: {directory / REPORT}")
    if not any(row.completed for row in summary.rows) and not any(row.success for row in summary.lookup_rows):
        reasons = [row.invalid_reason for row in summary.rows]
        reasons += [row.invalid_reason for row in summary.lookup_rows]
        what = "found" if summary.lookup_rows else "delivered"
        reason = next(filter(None, reasons), "no reason is known")
        raise SwarmbenchError(f"{directory}: nothing was {what}: {reason}")
    return summary


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*headings, box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


def _complain(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"{PROGRAM}: {line}", file=sys.stderr)
    return code
