"""libtorrent as a command: `python -m harness.contenders.libtorrent_fleet fleet|seed …`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
import libtorrent as lt
import uvloop

from harness.contenders.hosting.errors import FetchFailed, Refused
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import PeerOrder
from harness.contenders.hosting.serving import allow_many_files, serve, stop_signal
from harness.contenders.hosting.swarming import SwarmPeer
from harness.contenders.libtorrent_fleet.client import LibtorrentClient, Session
from harness.contenders.libtorrent_fleet.settings import Tuning
from harness.errors import SwarmbenchError

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _tuned(command: _Command) -> _Command:
    for option in (
        click.option("--request-queue", type=click.IntRange(min=1), default=500, help="Blocks asked of one peer."),
        click.option("--slots", default=-1, help="Peers unchoked at a time; -1 for all."),
        click.option("--unchoke-interval", type=click.IntRange(min=1), default=15, help="Seconds."),
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Reference peers: libtorrent, driven like this project's own."""


@main.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
@_tuned
def fleet(control: Path, request_queue: int, slots: int, unchoke_interval: int) -> None:
    """Host one session a peer, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""
    tuning = Tuning(None, None, request_queue, slots, unchoke_interval, checks_files=False)

    async def join(order: PeerOrder, tally: Tally) -> SwarmPeer:
        own = replace(tuning, upload_rate=order.upload_rate, download_rate=order.download_rate)
        client = LibtorrentClient(order.address, Path(order.directory), own)
        try:
            await client.listen()
        except FetchFailed as failure:
            await client.close()
            raise Refused(400, str(failure)) from None
        return SwarmPeer(order, client, tally)

    uvloop.run(serve(control, "libtorrent", join))


@main.command()
@click.argument("torrent", type=click.Path(path_type=Path, exists=True))
@click.option("--data", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The file.")
@click.option("--address", required=True, help="Address to listen on.")
@click.option("--port", default=6881, show_default=True, help="Port to listen on.")
@click.option("--upload-rate", type=click.FloatRange(min=1), help="Cap in bytes per second.")
@_tuned
def seed(
    torrent: Path,
    data: Path,
    address: str,
    port: int,
    upload_rate: float | None,
    request_queue: int,
    slots: int,
    unchoke_interval: int,
) -> None:
    """Serve a file, once it is checked, until SIGTERM."""
    tuning = Tuning(upload_rate, None, request_queue, slots, unchoke_interval, checks_files=True)
    uvloop.run(_seed(torrent, data, address, port, tuning))


async def _seed(torrent: Path, data: Path, address: str, port: int, tuning: Tuning) -> None:
    stopping = stop_signal()
    allow_many_files()
    checked = asyncio.Event()

    def hear(alert: Any) -> None:
        if isinstance(alert, lt.torrent_checked_alert):
            checked.set()

    session = Session(address, port, tuning, hear)
    try:
        await session.listening()
        session.add(torrent, data.parent)
        await checked.wait()
        assert session.handle is not None
        if not session.handle.status().is_seeding:
            raise FetchFailed(f"{data} is not the file of {torrent}")
        click.echo(f"seeding {data.name} on {address}:{port}")
        await stopping.wait()
    finally:
        session.close()


if __name__ == "__main__":
    try:
        main()
    except (FetchFailed, SwarmbenchError) as error:
        click.echo(f"libtorrent-fleet: {error}", err=True)
        sys.exit(1)
