"""`swarmbench export` and `swarmbench backfill`, as the command line understands them."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import click

from harness.errors import SwarmbenchError
from harness.metrics.backfill import backfill, starting
from harness.metrics.export import Recording, record

_PATH = click.Path(path_type=Path)

DEFAULT_INTO = "prometheus"


@click.command(name="export")
@click.argument("directory", type=_PATH, metavar="RUN")
@click.option("--out", default="-", show_default=True, help="File to write; - is the standard output.")
def export_command(directory: Path, out: str) -> None:
    """Write a finished RUN as OpenMetrics text with timestamps, as a scraper would have seen it."""
    recording = record(directory)
    _admit(recording)
    if out == "-":
        recording.write(sys.stdout)
        sys.stdout.flush()
        return
    try:
        with Path(out).open("w") as file:
            recording.write(file)
    except OSError as error:
        raise SwarmbenchError(f"{out}: cannot be written ({error.strerror}); choose another with --out") from error


@click.command(name="backfill")
@click.argument("directory", type=_PATH, metavar="RUN")
@click.option("--into", type=_PATH, help="A new directory for Prometheus' data. [default: RUN/prometheus]")
def backfill_command(directory: Path, into: Path | None) -> None:
    """Load a finished RUN into a data directory that a fresh Prometheus can be started on."""
    recording = record(directory)
    _admit(recording)
    into = into or directory / DEFAULT_INTO
    backfill(recording, into)
    first, last = (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) for at in (recording.first, recording.last))
    click.echo(f"{recording.samples} samples from {first} to {last} are in {into}; show them with:")
    click.echo(shlex.join(starting(into)))


def _admit(recording: Recording) -> None:
    if recording.laid_out:
        click.echo(
            f"swarmbench: {recording.laid_out} steps were recorded without the time of day;"
            " they are laid out one after the other",
            err=True,
        )
