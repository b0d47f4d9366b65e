"""Client programs as a command: `python -m harness.contenders.process_fleet aria2|transmission fleet|seed …`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import uvloop

from harness.contenders.hosting.errors import FetchFailed, Refused
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import serve, stop_signal
from harness.contenders.hosting.swarming import Client, SwarmPeer
from harness.contenders.process_fleet.aria2 import Aria2Client
from harness.contenders.process_fleet.program import Rates
from harness.contenders.process_fleet.received import Received
from harness.contenders.process_fleet.transmission import TransmissionClient
from harness.errors import SwarmbenchError
from harness.ports import free_port

Place = Callable[[str, int, Path, Rates, Received], Aria2Client | TransmissionClient]

CLIENTS: dict[str, Place] = {"aria2": Aria2Client, "transmission": TransmissionClient}


@click.group()
@click.argument("kind", type=click.Choice(list(CLIENTS)))
@click.pass_context
def main(context: click.Context, kind: str) -> None:
    """Reference peers that are programs, driven like this project's own."""
    context.obj = kind


@main.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
@click.pass_obj
def fleet(kind: str, control: Path) -> None:
    """Host one program a peer, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""
    received = Received()

    async def join(order: PeerOrder, tally: Tally) -> SwarmPeer:
        rates = Rates(order.upload_rate, order.download_rate)
        client = CLIENTS[kind](order.address, free_port(order.address), Path(order.directory), rates, received)
        return SwarmPeer(order, await _started(client, _room(control.parent)), tally)

    uvloop.run(serve(control, kind, join))


def _room(parent: Path) -> Path:
    """A directory for a client's own files; whoever made `parent` removes it."""
    return Path(tempfile.mkdtemp(prefix="client-", dir=parent))


async def _started(client: Aria2Client | TransmissionClient, room: Path) -> Client:
    try:
        await client.start(room)
    except FetchFailed as failure:
        await client.close()
        raise Refused(400, client.account.failure or str(failure)) from None
    return client


@main.command()
@click.argument("torrent", type=click.Path(path_type=Path, exists=True))
@click.option("--data", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The file.")
@click.option("--address", required=True, help="Address to listen on.")
@click.option("--port", default=6881, show_default=True, help="Port to listen on.")
@click.option("--upload-rate", type=click.FloatRange(min=1), help="Cap in bytes per second.")
@click.pass_obj
def seed(kind: str, torrent: Path, data: Path, address: str, port: int, upload_rate: float | None) -> None:
    """Serve a file, once it is checked, until SIGTERM."""
    client = CLIENTS[kind](address, port, data.parent, Rates(upload_rate), Received())
    uvloop.run(_seed(client, torrent, data))


async def _seed(client: Aria2Client | TransmissionClient, torrent: Path, data: Path) -> None:
    stopping = stop_signal()
    try:
        await client.start(_room(torrent.parent))
        await client.download(torrent, None)
        account = client.account
        while not account.ended:
            account.changed.clear()
            await account.changed.wait()
        if account.failure is not None:
            raise FetchFailed(account.failure)
        click.echo(f"seeding {data.name}")
        await stopping.wait()
    finally:
        await client.close()


if __name__ == "__main__":
    try:
        main()
    except (FetchFailed, SwarmbenchError) as error:
        click.echo(f"process-fleet: {error}", err=True)
        sys.exit(1)
