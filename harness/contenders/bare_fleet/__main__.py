"""The bare loop as a command: `python -m harness.contenders.bare_fleet fleet|serve …`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import uvloop

from harness.contenders.bare_fleet import sender
from harness.contenders.bare_fleet.client import PORT, BareClient
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import serve as host
from harness.contenders.hosting.serving import stop_signal
from harness.contenders.hosting.swarming import SwarmPeer
from harness.errors import SwarmbenchError

WORKERS = 2
"""Threads that hash and store for a fleet; on two processors a second one made it a fifth faster for the same CPU."""


@click.group()
def main() -> None:
    """Stream an item, hash it and store it, and nothing more."""


@main.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
def fleet(control: Path) -> None:
    """Host receivers, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="store") as workers:

        async def join(order: PeerOrder, tally: Tally) -> SwarmPeer:
            return SwarmPeer(order, BareClient(order.address, Path(order.directory), workers), tally)

        uvloop.run(host(control, "bare", join))


@main.command()
@click.argument("item", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--address", required=True, help="Address to listen on.")
def serve(item: Path, address: str) -> None:
    """Send a file to whoever connects, until SIGTERM."""
    uvloop.run(_serve(item, address))


async def _serve(item: Path, address: str) -> None:
    stopping = stop_signal()
    async with await sender.serve(item, address, PORT):
        click.echo(f"seeding {item.name} on {address}:{PORT}")
        await stopping.wait()


if __name__ == "__main__":
    try:
        main()
    except SwarmbenchError as error:
        click.echo(f"bare-fleet: {error}", err=True)
        sys.exit(1)
