"""The story of a run: scenario → lab → contenders → demand → metrics → results → analysis → report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.analysis.limits import limits
from harness.bench import Bench, set_up
from harness.contenders import catalogue as contenders
from harness.contenders import overlays
from harness.demand import virtual
from harness.demand.messages import Progress
from harness.demand.plan import deadline_s
from harness.errors import SwarmbenchError, UsageError, unexpected
from harness.labs import catalogue as labs
from harness.labs.base import Lab
from harness.labs.calibration import calibrate
from harness.metrics.exporter import Exporter, exporter
from harness.observing.watching import Observation, Watching, watched
from harness.play import Audience, intended_starts, play, play_virtually
from harness.publish import publish, summarize_recorded
from harness.reports.progress import RunProgress
from harness.results import store
from harness.results.environment import describe_environment, describe_machine
from harness.results.run import Run, read_run
from harness.results.schema import Environment
from harness.results.step import Step, order_steps, step_of
from harness.results.store import RunDirectory
from harness.scenarios.model import Scenario
from harness.scenarios.units import format_size
from harness.searching import search
from harness.searching_virtually import search_virtually

UNLIMITED_RATE = 0.5e9
"""Bytes per second that a step without links is expected to move, for the time left that is shown."""

MOST_PEERS_TOLD = 256
"""Peers that have metrics of their own at most; a Prometheus pays for each series as long as it keeps what it saw."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for: a scenario, and how and where to run it."""

    scenario: Scenario
    lab: str
    out: Path | None
    resume: bool
    metrics_port: int | None
    command: Sequence[str]
    report: bool = True
    """Whether report and pictures are made, too; the summary always is."""
    observation: Observation | None = None
    """Whether somebody watches, and where."""
    metrics_per_peer: bool = False
    """Whether the metrics that are served tell single peers apart."""


async def run(order: Order, announce: Callable[[Path], None]) -> Path:
    """Play every step that is not on record yet, and write the reports; returns the run directory.

    `announce` is told the directory before the first step, as a run that is interrupted is continued by it. Raises
    SwarmbenchError; what was measured before is on record then.
    """
    _check_metrics(order)
    lab = labs.choose(order.lab, unlimited=order.scenario.links.unlimited)
    _check_contenders(order.scenario, lab)
    with _run_directory(order) as directory, exporter(order.metrics_port, per_peer=order.metrics_per_peer) as exported:
        announce(directory.path)
        try:
            async with watched(order.metrics_port, order.observation, directory.path.resolve().name) as watching:
                await _play_missing(order, directory, exported, watching)
                if order.report:
                    publish(directory.path)
                await exported.until_scraped()
        except SwarmbenchError:
            raise
        except Exception as error:
            raise unexpected(error, directory.path) from error
    return directory.path


async def _play_missing(order: Order, directory: RunDirectory, exported: Exporter, watching: Watching) -> None:
    recorded = directory.recover()
    steps = [step for step in order_steps(order.scenario) if step not in recorded.finished]
    if not steps:
        return
    async with set_up(order.scenario, _lab(order, recorded)) as bench:
        environment = recorded.environment or await _describe(order, bench)
        directory.write_environment(environment)
        exported.run_started(directory.path.resolve().name, order.scenario, environment)
        bounds = {step: _bound_s(order.scenario, step, environment) for step in steps}
        with RunProgress([(str(step), bounds[step] or _guess_s(order.scenario, step)) for step in steps]) as progress:
            for step in steps:
                async with watching.step(step):
                    await _play_one(step, bounds[step], bench, environment, directory, progress, exported)


async def _play_one(
    step: Step,
    bound_s: float | None,
    bench: Bench,
    environment: Environment,
    directory: RunDirectory,
    progress: RunProgress,
    exported: Exporter,
) -> None:
    progress.step_started(str(step))
    logs, lookups = directory.logs / step.name, bench.scenario.lookups
    exported.step_started(step, lookups=lookups is not None)
    if lookups is None:
        told = Audience(
            _tell_progress(step, bench, progress, exported),
            exported.sampled,
            exported.transfer_ended,
            partial(exported.overheard, step) if exported.served else None,
            by_host=exported.per_peer,
        )
        patience_s = deadline_s(bound_s)
        if bench.lab.virtual:
            played = await play_virtually(bench, step, deadline_s=patience_s, audience=told)
        else:
            contender = contenders.choose([step.contender], bench.scenario.own)[0]
            played = await play(bench, contender, step, deadline_s=patience_s, logs=logs, audience=told)
        directory.append_beginning(step, played.began)
        directory.append_step(played.transfers, played.samples)
    else:
        told = Audience(_tell_lookups(step, lookups.count, progress, exported), exported.sampled)
        overlay = overlays.choose(bench.scenario)[step.contender]
        if bench.lab.virtual:
            found = await search_virtually(bench, overlay, step, audience=told)
        else:
            found = await search(bench, overlay, step, logs=logs, audience=told)
        directory.append_beginning(step, found.began)
        directory.append_lookups(found.lookups, found.nodes, found.samples)
    recorded = read_run(directory.path)
    summary = summarize_recorded(recorded, environment)
    directory.write_summary(summary)
    exported.step_finished(step, recorded, summary)
    reasons = [row.invalid_reason for row in summary.rows if step_of(row) == step]
    reasons += [row.invalid_reason for row in summary.lookup_rows if step_of(row) == step]
    progress.step_done(str(step), reasons[0] or "")


def _check_contenders(scenario: Scenario, lab: Lab) -> None:
    if lab.virtual:
        virtual.check(scenario)
    elif scenario.demand.origin_leaves:
        raise UsageError("demand.origin_leaves: only the simulated lab lets the origin leave; use --lab simulated")
    elif scenario.links.idle:
        raise UsageError("links: only the simulated lab has links of 0mbit, which carry nothing; use --lab simulated")
    elif scenario.lookups is None:
        contenders.choose(scenario.contenders, scenario.own)
    else:
        overlays.choose(scenario)


def _check_metrics(order: Order) -> None:
    if not order.metrics_per_peer:
        return
    if order.metrics_port is None:
        raise UsageError("--metrics-per-peer: has a meaning only with --metrics-port or --observe")
    if order.scenario.lookups is not None:
        raise UsageError(f"--metrics-per-peer: tells of downloads, of which {order.scenario.name} has none")
    if (most := max(order.scenario.peers)) > MOST_PEERS_TOLD:
        raise UsageError(
            f"--metrics-per-peer: tells up to {MOST_PEERS_TOLD} peers apart, not {most}; choose fewer --peers"
        )


def _run_directory(order: Order) -> RunDirectory:
    if order.resume:
        return store.reopen(order.out or store.latest_path(), order.scenario)
    if order.out is not None:
        return store.create(order.out, order.scenario)
    directory = store.create(store.default_path(order.scenario), order.scenario)
    store.point_latest_at(directory.path)
    return directory


def _lab(order: Order, recorded: Run) -> Lab:
    return labs.choose(_lab_name(order, recorded), unlimited=order.scenario.links.unlimited)


def _lab_name(order: Order, recorded: Run) -> str:
    """The lab to use: a resumed run goes on in the lab, and on the machine, it was begun on; raises UsageError."""
    earlier = recorded.environment
    if earlier is None:
        return order.lab
    if order.lab not in (labs.AUTO, earlier.lab):
        raise UsageError(f"{recorded.directory}: was begun in the {earlier.lab} lab; resume with --lab {earlier.lab}")
    if earlier.machine != describe_machine():
        raise UsageError(f"{recorded.directory}: was begun on another machine; start anew with another --out")
    return earlier.lab


async def _describe(order: Order, bench: Bench) -> Environment:
    """The environment, with the links' rates as they are, not as they are meant to be; unlimited and idle ones have
    none."""
    links = order.scenario.links
    measurable = not links.unlimited and not links.idle
    return describe_environment(
        lab=bench.lab.name,
        congestion_control=bench.lab.congestion_control,
        calibration=await calibrate(bench.lab, bench.hosts, bench.room.payload) if measurable else None,
        command=order.command,
        model=virtual.model(order.scenario) if bench.lab.virtual else None,
    )


def _bound_s(scenario: Scenario, step: Step, environment: Environment) -> float | None:
    if environment.calibration is None:
        return None
    origin_is_server = step.contender in contenders.central(scenario.own)
    arrivals = intended_starts(scenario, step)
    return limits(scenario, arrivals, environment.calibration, origin_is_server=origin_is_server).completion_s


def _guess_s(scenario: Scenario, step: Step) -> float:
    if scenario.lookups is not None:
        return scenario.lookups.duration
    return step.peers * scenario.content.size / UNLIMITED_RATE


def _tell_progress(step: Step, bench: Bench, progress: RunProgress, exported: Exporter) -> Callable[[Progress], None]:
    total = step.peers * bench.item.size

    def tell(now: Progress) -> None:
        progress.step_progress(now.bytes / total, f"{format_size(now.bytes)} of {format_size(total)}")
        exported.step_progress(step, now.bytes, now.begun - now.ended, now.by_host)
        _tell_demand(step, now, exported)

    return tell


def _tell_lookups(step: Step, count: int, progress: RunProgress, exported: Exporter) -> Callable[[Progress], None]:
    def tell(now: Progress) -> None:
        progress.step_progress(now.ended / count, f"{now.ended} of {count} lookups")
        _tell_demand(step, now, exported)

    return tell


def _tell_demand(step: Step, now: Progress, exported: Exporter) -> None:
    exported.demanded(step, users=now.users, requests=now.begun - now.ended, late_s=now.late_s, lag_s=now.lag_s)
