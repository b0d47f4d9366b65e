"""`seed` and `get`: one peer of one torrent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from p2p_node.commands.options import ADDRESS, CONTACTS, DISCOVERY, METRICS, RATE, SLOTS, overlay_of
from p2p_node.commands.running import run, serving_metrics, stop_gracefully, until_stopped
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.disk_room import when_there_is_room
from p2p_node.shell.errors import NodeError, describe
from p2p_node.shell.peer import Peer
from p2p_node.shell.resume import ResumeRecord, recorded
from p2p_node.shell.source import obtain
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import read_torrent
from p2p_node.shell.verifying import hashers

LISTED_S = 2.0
"""How long a seed waits for a tracker to know it before it says that it seeds."""


@click.command()
@click.argument("torrent", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="The file or directory.")
@ADDRESS
@click.option("--port", default=6881, show_default=True, help="Port to listen on; 0 takes a free one.")
@RATE
@SLOTS
@click.option("--super", "super_seed", is_flag=True, help="Super-seed (BEP 16) until every piece is out.")
@DISCOVERY
@CONTACTS
@METRICS
def seed(
    torrent: Path,
    data: Path,
    address: str,
    port: int,
    upload_rate: float | None,
    slots: int | None,
    super_seed: bool,
    discovery: str | None,
    contacts: tuple[str, ...],
    metrics_socket: Path | None,
) -> None:
    """Serve the content of TORRENT to its swarm until stopped."""
    settings = SwarmSettings(slots=slots, super_seed=super_seed)
    run(_seed(torrent, data, address, port, upload_rate, settings, overlay_of(discovery, contacts), metrics_socket))


@click.command()
@click.argument("torrent", metavar="TORRENT|MAGNET")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where to download to.")
@ADDRESS
@click.option("--port", default=0, help="Port to listen on; 0 takes a free one.")
@click.option("--seed-time", type=click.FloatRange(min=0), default=0, help="Seconds to keep seeding when complete.")
@RATE
@SLOTS
@DISCOVERY
@CONTACTS
@METRICS
def get(
    torrent: str,
    out: Path,
    address: str,
    port: int,
    seed_time: float,
    upload_rate: float | None,
    slots: int | None,
    discovery: str | None,
    contacts: tuple[str, ...],
    metrics_socket: Path | None,
) -> None:
    """Download the content of TORRENT or of a MAGNET link, verified, and upload meanwhile."""
    overlay = overlay_of(discovery, contacts)
    settings = SwarmSettings(slots=slots)
    run(_get(torrent, out, address, port, seed_time, upload_rate, settings, overlay, metrics_socket))


@asynccontextmanager
async def _telling(metrics: Path | None, peer: Peer) -> AsyncIterator[None]:
    """Serve the peer's metrics if somebody wants them; what that takes is imported before anybody is served."""
    if metrics is None:
        yield
        return
    from p2p_node.shell.metrics import exposition

    async with serving_metrics(metrics, lambda: exposition([peer])):
        yield


async def _seed(
    torrent: Path,
    data: Path,
    address: str,
    port: int,
    upload_rate: float | None,
    settings: SwarmSettings,
    overlay: Overlay | None,
    metrics: Path | None,
) -> None:
    metainfo = read_torrent(torrent)
    storage = Storage(metainfo, data, writable=False)
    have = await asyncio.to_thread(storage.check)
    if have.bit_count() != metainfo.piece_count:
        raise NodeError(
            f"{data} is not the content of {torrent}: {have.bit_count()} of {metainfo.piece_count} pieces fit"
        )
    with hashers() as hasher:
        peer = Peer(hasher, upload_rate, overlay=overlay)
        await peer.listen(address, port)
        peer.join(metainfo, storage, have, settings)
        await peer.listed(LISTED_S)
        async with _telling(metrics, peer):
            click.echo(f"seeding {metainfo.name} on {peer.address[0]}:{peer.address[1]}")
            await until_stopped()
        await peer.leave()


async def _get(
    torrent: str,
    out: Path,
    address: str,
    port: int,
    seed_time: float,
    upload_rate: float | None,
    settings: SwarmSettings,
    overlay: Overlay | None,
    metrics: Path | None,
) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise describe(error, f"create {out}") from None
    stop_gracefully()
    with hashers() as hasher:
        peer = Peer(hasher, upload_rate, overlay=overlay)
        try:
            await peer.listen(address, port)
            async with _telling(metrics, peer):
                metainfo = await obtain(peer, torrent)
                storage = await when_there_is_room(lambda: Storage(metainfo, out / metainfo.name, writable=True))
                record = ResumeRecord(metainfo, storage)
                have = await asyncio.to_thread(lambda: storage.check(record.read()))
                peer.join(metainfo, storage, have, settings)
                async with recorded(record, peer):
                    if have.bit_count() != metainfo.piece_count:
                        await peer.progress.completion()
                click.echo(f"{storage.path} is complete and verified")
                await asyncio.sleep(seed_time)
        finally:
            await peer.leave()
