"""The `p2p-node` command: create a torrent, seed it, get it, track or scrape it, or host a fleet of peers.

What only some commands need is imported by them: an HTTP server is a third of a small node's memory.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import click
import uvloop

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.disk_room import when_there_is_room
from p2p_node.shell.errors import NodeError, describe
from p2p_node.shell.fetch import wait_until_complete
from p2p_node.shell.peer import Peer
from p2p_node.shell.resume import ResumeRecord, recorded
from p2p_node.shell.source import obtain
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import Version, create_torrent, magnet_link, read_torrent
from p2p_node.shell.verifying import hashers
from p2p_node.wire.scrape import SwarmCounts

COLLECT_AFTER = 20_000
"""Objects made before the collector looks for cycles in a fleet. At Python's 700 it looks through all connections many
times a second, 3 % of the time, and finds hardly any."""

LISTED_S = 2.0
"""How long a seed waits for a tracker to know it before it says that it seeds."""

_RATE = click.option("--upload-rate", type=click.FloatRange(min=1), help="Upload cap in bytes per second.")
_ADDRESS = click.option("--address", default="0.0.0.0", show_default=True, help="Address to listen on.")
_SLOTS = click.option(
    "--slots", type=click.IntRange(min=1), help="Unchoke this many peers (default: all while they are few)."
)


@click.group()
@click.option("--verbose", is_flag=True, help="Log connections and their ends to stderr.")
def cli(verbose: bool) -> None:
    """A BitTorrent peer."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr
    )


@cli.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--tracker", "trackers", metavar="URL", multiple=True, help="A tracker's announce URL; several: in order."
)
@click.option("--web-seed", "web_seeds", metavar="URL", multiple=True, help="An HTTP server's URL of the content.")
@click.option("--private", is_flag=True, help="Peers come from the trackers alone.")
@click.option(
    "--version",
    type=click.Choice([version.value for version in Version]),
    default="1",
    show_default=True,
    help="Of BitTorrent: 1 for every client, 2 for merkle hashes, hybrid for both.",
)
@click.option(
    "--piece-size",
    default="auto",
    show_default=True,
    help="Bytes in a piece, or auto: 16 KiB to 4 MiB, for 512 pieces or more.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write (default: PATH.torrent).")
def create(
    path: Path,
    trackers: tuple[str, ...],
    web_seeds: tuple[str, ...],
    private: bool,
    version: str,
    piece_size: str,
    out: Path | None,
) -> None:
    """Make a torrent of PATH, a file or a directory."""
    if piece_size != "auto" and (not piece_size.isdigit() or int(piece_size) < 1):
        raise click.UsageError(f"--piece-size {piece_size}: give a number of bytes, or auto")
    size = None if piece_size == "auto" else int(piece_size)
    torrent = create_torrent(path, size, trackers, web_seeds, private, Version(version))
    out = out or path.with_name(path.resolve().name + ".torrent")
    try:
        out.write_bytes(torrent)
    except OSError as error:
        raise describe(error, f"write {out}") from None
    click.echo(out)


@cli.command()
@click.argument("torrent", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="The file or directory.")
@_ADDRESS
@click.option("--port", default=6881, show_default=True, help="Port to listen on; 0 takes a free one.")
@_RATE
@_SLOTS
@click.option("--super", "super_seed", is_flag=True, help="Super-seed (BEP 16) until every piece is out.")
def seed(
    torrent: Path,
    data: Path,
    address: str,
    port: int,
    upload_rate: float | None,
    slots: int | None,
    super_seed: bool,
) -> None:
    """Serve the content of TORRENT to its swarm until stopped."""
    settings = SwarmSettings(slots=slots, super_seed=super_seed)
    _run(_seed(torrent, data, address, port, upload_rate, settings))


@cli.command()
@click.argument("torrent", type=click.Path(path_type=Path))
def magnet(torrent: Path) -> None:
    """Print the magnet link of TORRENT."""
    click.echo(magnet_link(torrent))


@cli.command()
@click.argument("torrent", metavar="TORRENT|MAGNET")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where to download to.")
@_ADDRESS
@click.option("--port", default=0, help="Port to listen on; 0 takes a free one.")
@click.option("--seed-time", type=click.FloatRange(min=0), default=0, help="Seconds to keep seeding when complete.")
@_RATE
@_SLOTS
def get(
    torrent: str,
    out: Path,
    address: str,
    port: int,
    seed_time: float,
    upload_rate: float | None,
    slots: int | None,
) -> None:
    """Download the content of TORRENT or of a MAGNET link, verified, and upload meanwhile."""
    _run(_get(torrent, out, address, port, seed_time, upload_rate, SwarmSettings(slots=slots)))


@cli.command()
@_ADDRESS
@click.option("--port", default=6969, show_default=True, help="Port to listen on.")
@click.option("--interval", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds of announces.")
def track(address: str, port: int, interval: float) -> None:
    """Run a tracker at http://ADDRESS:PORT/announce and udp://ADDRESS:PORT."""
    _run(_track(address, port, interval))


@cli.command()
@click.argument("source", metavar="TORRENT|URL")
@click.option("--info-hash", metavar="HEX", help="The torrent, where a tracker's URL is given.")
def scrape(source: str, info_hash: str | None) -> None:
    """Ask a tracker how many seeds, leeches and completed downloads it counts, without joining.

    Of a TORRENT every tracker is asked.
    """
    if "://" not in source:
        metainfo = read_torrent(Path(source))
        trackers, wanted = list(metainfo.tracker_urls), metainfo.info_hash
    elif info_hash is None or len(info_hash) != 40 or set(info_hash.lower()) - set("0123456789abcdef"):
        raise click.UsageError("give a tracker's URL together with --info-hash and 40 hexadecimal digits")
    else:
        trackers, wanted = [source], bytes.fromhex(info_hash)
    _run(_scrape(trackers, wanted))


@cli.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix socket of the control API.")
@_SLOTS
def fleet(control: Path, slots: int | None) -> None:
    """Host many peers in one process, driven over a control socket."""
    _run(_fleet(control, SwarmSettings(slots=slots)))


async def _seed(
    torrent: Path, data: Path, address: str, port: int, upload_rate: float | None, settings: SwarmSettings
) -> None:
    metainfo = read_torrent(torrent)
    storage = Storage(metainfo, data, writable=False)
    have = await asyncio.to_thread(storage.check)
    if have.bit_count() != metainfo.piece_count:
        raise NodeError(
            f"{data} is not the content of {torrent}: {have.bit_count()} of {metainfo.piece_count} pieces fit"
        )
    with hashers() as hasher:
        peer = Peer(hasher, upload_rate)
        await peer.listen(address, port)
        peer.join(metainfo, storage, have, settings)
        await peer.listed(LISTED_S)
        click.echo(f"seeding {metainfo.name} on {peer.address[0]}:{peer.address[1]}")
        await _until_stopped()
        await peer.leave()


async def _get(
    torrent: str,
    out: Path,
    address: str,
    port: int,
    seed_time: float,
    upload_rate: float | None,
    settings: SwarmSettings,
) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise describe(error, f"create {out}") from None
    _stop_gracefully()
    with hashers() as hasher:
        peer = Peer(hasher, upload_rate)
        try:
            await peer.listen(address, port)
            metainfo = await obtain(peer, torrent)
            storage = await when_there_is_room(lambda: Storage(metainfo, out / metainfo.name, writable=True))
            record = ResumeRecord(metainfo, storage)
            have = await asyncio.to_thread(lambda: storage.check(record.read()))
            peer.join(metainfo, storage, have, settings)
            async with recorded(record, peer):
                if have.bit_count() != metainfo.piece_count:
                    await wait_until_complete(peer)
            click.echo(f"{storage.path} is complete and verified")
            await asyncio.sleep(seed_time)
        finally:
            await peer.leave()


def _stop_gracefully() -> None:
    """Let SIGTERM end the running task as SIGINT does, so that it can record what it has."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _track(address: str, port: int, interval: float) -> None:
    from p2p_node.shell.tracker_server import TrackerServer

    tracker = TrackerServer(interval)
    host, port = await tracker.listen(address, port)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"listening on http://{shown}:{port}/announce and udp://{shown}:{port}/announce")
    await _until_stopped()
    await tracker.close()


async def _scrape(trackers: Sequence[str], info_hash: bytes) -> None:
    from p2p_node.shell.scraping import scrape as ask_counts

    if not trackers:
        raise NodeError("the torrent names no tracker")
    outcomes = await asyncio.gather(*(ask_counts(url, info_hash) for url in trackers), return_exceptions=True)
    answered = False
    for url, outcome in zip(trackers, outcomes, strict=True):
        if isinstance(outcome, SwarmCounts):
            answered = True
            counts = f"seeds {outcome.seeds}  leeches {outcome.leeches}  completed {outcome.completed}"
            click.echo(f"{url}  {counts}")
        elif isinstance(outcome, NodeError):
            click.echo(f"p2p-node: {outcome}", err=True)
        else:
            raise outcome
    if not answered:
        raise NodeError("no tracker answered")


async def _fleet(control: Path, settings: SwarmSettings) -> None:
    from aiohttp import web

    from p2p_node.shell.fleet import Fleet

    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    runner = web.AppRunner(Fleet(settings).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(control), backlog=1024).start()
    except OSError as error:
        raise describe(error, f"listen on {control}") from None
    click.echo(f"listening on {control}")
    await _until_stopped()
    await runner.cleanup()


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def main() -> None:
    """Run the command; what goes wrong is one line on stderr and exit code 1 (2 for wrong usage)."""
    try:
        cli()
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except NodeError as error:
        click.echo(f"p2p-node: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
