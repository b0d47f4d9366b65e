"""The fleet as a command: `python -m harness.contenders.command_fleet --control SOCKET --fetch TEMPLATE …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import uvloop

from harness.contenders.command_fleet.peer import CommandPeer
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import serve
from harness.errors import SwarmbenchError


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
@click.option("--fetch", required=True, help="The command that fetches, with {url}, {out} and others in it.")
@click.option("--server", required=True, help="What {server} stands for.")
@click.option("--port", required=True, help="What {port} stands for.")
def main(control: Path, fetch: str, server: str, port: str) -> None:
    """Host peers that fetch by a command, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""

    async def join(order: PeerOrder, tally: Tally) -> CommandPeer:
        return CommandPeer(order, tally, fetch, {"server": server, "port": port})

    try:
        uvloop.run(serve(control, "command", join))
    except SwarmbenchError as error:
        click.echo(f"command-fleet: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
