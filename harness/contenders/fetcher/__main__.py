"""The fetcher fleet as a command: `python -m harness.contenders.fetcher --control SOCKET`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import uvloop

from harness.contenders.fetcher.peer import Fetcher
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import serve
from harness.errors import SwarmbenchError


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
def main(control: Path) -> None:
    """Host HTTP downloaders, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""
    try:
        uvloop.run(serve(control, "fetcher", _join))
    except SwarmbenchError as error:
        click.echo(f"fetcher: {error}", err=True)
        sys.exit(error.exit_code)


async def _join(order: PeerOrder, tally: Tally) -> Fetcher:
    return Fetcher(order, tally)


if __name__ == "__main__":
    main()
