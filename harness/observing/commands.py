"""`swarmbench observe` and `swarmbench dashboards`, as the command line understands them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from harness.errors import SwarmbenchError, UsageError
from harness.interrupts import until_interrupted
from harness.observing.access import DEFAULT_TOKEN_ENV, HOW, Access, find_token, read_url
from harness.observing.grafana import Grafana
from harness.observing.observatory import SOURCE, observatory
from harness.observing.observe import ObserveOrder, observe
from harness.observing.push import push, read_dashboards

_PATH = click.Path(path_type=Path)
_PORT = click.IntRange(1024, 65535)

DEFAULT_PREVIEW = "preview"


@click.command(name="observe")
@click.option("--prometheus-port", type=_PORT, default=9090, show_default=True, help="Where Prometheus listens.")
@click.option("--grafana-port", type=_PORT, default=3000, show_default=True, help="Where Grafana listens.")
@click.option("--docker", is_flag=True, help="In containers, also where Prometheus is installed.")
@click.option("--from", "source", type=_PATH, default=SOURCE, help="Other dashboards than those of the project.")
def observe_command(prometheus_port: int, grafana_port: int, docker: bool, source: Path) -> None:
    """Start Prometheus and Grafana on 127.0.0.1 for whatever runs, until Ctrl-C."""
    place, order = observatory(), ObserveOrder(source, prometheus_port, grafana_port, docker)
    try:
        until_interrupted(observe(order, place, click.echo))
    except asyncio.CancelledError:
        click.echo(f"Ended; data is kept in {place.root}")


@click.group(name="dashboards")
def dashboards_commands() -> None:
    """Put the dashboards where you want to see them."""


@dashboards_commands.command(name="push")
@click.option("--url", required=True, help="Of the Grafana, as in https://grafana.example.org.")
@click.option("--token-env", metavar="NAME", help=f"The variable that holds its token. [default: {DEFAULT_TOKEN_ENV}]")
@click.option("--token-file", type=_PATH, metavar="FILE", help="The file that holds its token.")
@click.option("--folder", default="swarmbench", show_default=True, metavar="NAME", help="Where dashboards go.")
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@click.option("--from", "source", type=_PATH, default=SOURCE, help="Other dashboards than those of the project.")
def push_command(
    url: str, token_env: str | None, token_file: Path | None, folder: str, dry_run: bool, source: Path
) -> None:
    """Put folder and dashboards into a Grafana that exists, or bring them up to date."""
    address = read_url(url, "--url")
    token = find_token(token_env, token_file)
    if token is None:
        raise UsageError(f"dashboards push: no token; {HOW}")
    if not folder.strip():
        raise UsageError("--folder: give it a name")
    models = read_dashboards(source)
    push(Grafana(Access(address, token)), models, folder.strip(), dry_run=dry_run, tell=click.echo)


@dashboards_commands.command(name="preview")
@click.argument("directory", type=_PATH, metavar="RUN")
@click.option("--out", type=_PATH, metavar="DIR", help="Where pictures and table go. [default: RUN/preview]")
@click.option("--from", "source", type=_PATH, default=SOURCE, help="Other dashboards than those of the project.")
def preview_command(directory: Path, out: Path | None, source: Path) -> None:
    """Draw what the front dashboard will show of a finished RUN, without Grafana."""
    from harness.observing.preview import PAGE, preview  # which draws, and takes its time to import
    from harness.reports.panels import print_panels

    into = out or directory / DEFAULT_PREVIEW
    try:
        panels = until_interrupted(preview(directory, source, into))
    except asyncio.CancelledError:
        raise SwarmbenchError("interrupted; nothing was left running") from None
    print_panels(panels)
    click.echo(f"{len(panels)} pictures, and the table with whole queries: {into / PAGE}")
