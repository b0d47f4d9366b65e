"""`swarmbench scale` and `swarmbench crosscheck`, as the command line understands them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from harness.analysis.crosscheck import LARGE_PEERS, REAL_PEERS, Crosscheck, lines, missed
from harness.analysis.models import cost
from harness.analysis.scaling import SIMULATED_LAB, Metric, Source, measured, value_of
from harness.errors import SwarmbenchError, UsageError
from harness.interrupts import until_interrupted
from harness.modelling import runs
from harness.modelling.links import expected
from harness.modelling.scale import SERVER, SWARM, Scaling, duration, scale
from harness.reports.crosscheck import as_markdown, print_crosscheck
from harness.reports.scaling import print_scaling
from harness.results.files import pretty, replace_file, writing
from harness.results.run import SCENARIO
from harness.results.store import DEFAULT_PARENT, latest_path
from harness.run import Order, run
from harness.scenarios import catalogue as scenarios
from harness.scenarios.model import Arrival, Scenario
from harness.scenarios.reading import parse_overrides, read_scenario

_PATH = click.Path(path_type=Path)

PIECE = "64KiB"
"""Of the flash crowd that is modelled where no run is given: 256 pieces."""

MOST_PEERS = 10_000_000
"""A million take 0.5 GiB and a minute; ten million are what fits into a machine."""


@click.command(name="scale")
@click.option(
    "--peers", type=click.IntRange(1, MOST_PEERS), default=1_000_000, show_default=True, help="Up to how many."
)
@click.option(
    "--run",
    "directories",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="A run to carry on, of any lab; repeatable.  [default: the latest, if it is of a flash crowd on links]",
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Without runs: a key of flash-crowd; repeatable."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the models' lots.")
@click.option("--price", type=click.FloatRange(min=0), help="Of the origin's traffic, a GB: tells what it comes to.")
@click.option("--out", type=_PATH, help="Where picture and figures go.  [default: results/<time>-scale]")
def scale_command(
    peers: int,
    directories: Sequence[Path],
    assignments: Sequence[str],
    seed: int,
    price: float | None,
    out: Path | None,
) -> None:
    """Carry figures on to a million peers: measured, simulated, modelled, bounded."""
    if directories and assignments:
        raise UsageError("scale: --set: runs bring their own scenario; leave one of --run and --set out")
    known = runs.read(directories) if directories or assignments else _latest()
    downloads = next((each for each in known if each.rates is not None and each.scenario.lookups is None), None)
    scenario = downloads.scenario if downloads else _flash_crowd(assignments)
    rates = downloads.rates if downloads and downloads.rates else expected(scenario)
    place = _directory(out, "scale")
    scaling = scale(scenario, rates, known, peers=peers, seed=seed, told=_tell)
    _publish(scaling, place, price)


@click.command(name="crosscheck")
@click.option(
    "--real",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="A run of the namespace lab, instead of playing one; repeatable.",
)
@click.option(
    "--simulated",
    type=_PATH,
    multiple=True,
    metavar="DIR",
    help="A run of the simulated lab, instead of playing one; repeatable.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of what is played: a key of flash-crowd; repeatable.",
)
@click.option(
    "--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="How often each real step is played."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of content, and of the model's lots."
)
@click.option("--out", type=_PATH, help="Where tables and what is played go.  [default: results/<time>-crosscheck]")
def crosscheck_command(
    real: Sequence[Path],
    simulated: Sequence[Path],
    assignments: Sequence[str],
    repeats: int,
    seed: int,
    out: Path | None,
) -> None:
    """Hold real links, virtual time, model and bound beside each other (exit code 1 where they are too far apart)."""
    if (real or simulated) and assignments:
        raise UsageError(
            "crosscheck: --set: runs bring their own scenario; leave one of --real, --simulated and it out"
        )
    ours, theirs = runs.read(real), runs.read(simulated)
    given = next(iter((*ours, *theirs)), None)
    scenario = given.scenario if given else read_scenario(scenarios.find("flash-crowd"), parse_overrides(assignments))
    place = _directory(out, "crosscheck")
    if not theirs:
        theirs = [_played(scenario, "simulated", (*REAL_PEERS, *LARGE_PEERS), 1, seed, place)]
    if not ours:
        ours = [_played(scenario, "namespace", REAL_PEERS, repeats, seed, place)]
    found = _crosscheck(ours, theirs, seed)
    replace_file(place / "crosscheck.json", pretty(found))
    replace_file(place / "crosscheck.md", as_markdown(found).encode())
    print_crosscheck(found)
    if found.missed:
        raise SwarmbenchError(f"crosscheck: bars missed: {len(found.missed)}, told above and in {place}")


def _latest() -> list[runs.Known]:
    """The latest run, if there is one that models speak of."""
    try:
        return runs.read([latest_path()])
    except UsageError:
        return []


def _flash_crowd(assignments: Sequence[str]) -> Scenario:
    given = {"content.piece_size": ("swarmbench scale", PIECE), **parse_overrides(assignments)}
    scenario = read_scenario(scenarios.find("flash-crowd"), given)
    if scenario.demand.arrival is not Arrival.FLASH:
        raise UsageError("--set: demand.arrival: scale models flash crowds, whose peers come all at once")
    if scenario.links.unlimited:
        raise UsageError("--set: links: the models are of links, so they need rates, not unlimited")
    return scenario


def _crosscheck(real: Sequence[runs.Known], simulated: Sequence[runs.Known], seed: int) -> Crosscheck:
    """Model and bound are of the simulated links; raises UsageError unless all runs are alike but for the lab."""
    for each in (*real, *simulated):
        runs.check_alike(simulated[0], each)
    for option, lab, wanted in (("--real", real, False), ("--simulated", simulated, True)):
        for each in lab:
            if (each.summary.lab == SIMULATED_LAB) is not wanted:
                raise UsageError(
                    f"{each.directory}: is of the {each.summary.lab} lab, which is not what {option} takes"
                )
    scenario, rates = simulated[0].scenario, simulated[0].rates
    if rates is None or scenario.lookups is not None:
        raise UsageError(f"{simulated[0].directory}: is of lookups; the cross-check is of downloads")
    figures = [figure for each in (*real, *simulated) for figure in measured(each.summary)]
    found = lines(figures, scenario, rates, seed)
    return Crosscheck(
        scenario=scenario.name,
        real=[str(each.directory) for each in real],
        simulated=[str(each.directory) for each in simulated],
        lines=found,
        missed=[told for line in found for told in missed(line)],
    )


def _played(scenario: Scenario, lab: str, peers: tuple[int, ...], repeats: int, seed: int, place: Path) -> runs.Known:
    """A swarm of the scenario in that lab, played, or played on, in a directory of its own."""
    wanted = replace(scenario, contenders=("swarm",), peers=peers, repeats=repeats, seed=seed, thresholds=())
    begun = (place / lab / SCENARIO).is_file()
    order = Order(wanted, lab, place / lab, begun, None, ["swarmbench", *sys.argv[1:]], report=False)
    try:
        [known] = runs.read([until_interrupted(run(order, lambda _: None))])
    except asyncio.CancelledError:
        raise SwarmbenchError(
            f"interrupted: finished steps are kept; go on with the same command and --out {place}"
        ) from None
    return known


def _directory(out: Path | None, name: str) -> Path:
    """The directory for results, made; raises SwarmbenchError where it cannot be."""
    place = out or DEFAULT_PARENT / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    return place


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{what} …", err=True, nl=False)


def _publish(scaling: Scaling, place: Path, price: float | None) -> None:
    from harness.reports.scaling_plots import write_scaling  # what draws is slow to import

    _tell("the picture")
    replace_file(place / "scale.json", pretty(scaling))
    with writing(place):
        write_scaling(scaling.figures, place / "scale.png")
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    print_scaling(scaling.figures)
    click.echo(scaling.verdict)
    click.echo(
        f"Were they to come evenly over a day and to leave when done, {scaling.steady_peers:,.0f} would be there at a "
        f"time, each downloading for {duration(scaling.steady_download_s)} (fluid model)."
    )
    if price is not None:
        _print_bill(scaling, price)
    click.echo(f"Figures: {place / 'scale.json'}; picture: {place / 'scale.png'}")


def _print_bill(scaling: Scaling, per_gb: float) -> None:
    """What the origin's traffic comes to, by the largest number of peers."""
    bills = {
        contender: cost.price(sent, per_gb)
        for contender, source in ((SERVER, Source.BOUND), (SWARM, Source.MODEL))
        if (sent := value_of(scaling.figures, Metric.ORIGIN, contender, scaling.peers, source)) is not None
    }
    click.echo(
        f"At {per_gb:g} a GB the server's traffic costs {bills[SERVER]:,.2f}, the swarm's origin's {bills[SWARM]:,.2f}."
    )
