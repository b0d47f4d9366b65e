"""The fetcher fleet as a command: `python -m harness.contenders.fetcher --control SOCKET`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click
import uvloop

from harness.contenders.fetcher.curl import CurlDownload
from harness.contenders.fetcher.download import Download
from harness.contenders.fetcher.peer import Client, Fetcher
from harness.contenders.hosting.errors import Refused
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import serve
from harness.errors import SwarmbenchError


@click.command()
@click.option("--client", type=click.Choice(["own", "curl"]), default="own", show_default=True, help="Who downloads.")
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
def main(client: str, control: Path) -> None:
    """Host HTTP downloaders, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""

    async def join(order: PeerOrder, tally: Tally) -> Fetcher:
        return Fetcher(order, tally, _curl(order) if client == "curl" else _own(order))

    try:
        uvloop.run(serve(control, "fetcher", join))
    except SwarmbenchError as error:
        click.echo(f"fetcher: {error}", err=True)
        sys.exit(error.exit_code)


def _own(order: PeerOrder) -> Client:
    return partial(Download, rate=order.download_rate)


def _curl(order: PeerOrder) -> Client:
    if order.download_rate is not None:  # its --limit-rate lets a second's worth and more pass before it bites
        raise Refused(400, "curl keeps to no rate over seconds; leave download_rate out, or use --lab namespace")
    return CurlDownload


if __name__ == "__main__":
    main()
