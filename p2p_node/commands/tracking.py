"""`track`, `supernode` and `scrape`: a tracker, one of several that help each other, and what trackers count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p2p_node.commands.options import ADDRESS, METRICS, address_of
from p2p_node.commands.running import run, serving_metrics, until_stopped
from p2p_node.shell.errors import NodeError
from p2p_node.shell.torrent import read_torrent
from p2p_node.wire.address import Address, canonical_host, is_ipv6
from p2p_node.wire.scrape import SwarmCounts

if TYPE_CHECKING:
    from p2p_node.shell.supernode_server import SupernodeServer
    from p2p_node.shell.tracker_server import TrackerServer


@click.command()
@ADDRESS
@click.option("--port", default=6969, show_default=True, help="Port to listen on.")
@click.option("--interval", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds of announces.")
@METRICS
def track(address: str, port: int, interval: float, metrics_socket: Path | None) -> None:
    """Run a tracker at http://ADDRESS:PORT/announce and udp://ADDRESS:PORT."""
    run(_track(address, port, interval, metrics_socket))


@click.command()
@click.option("--address", required=True, help="Address to listen on, at which the other supernodes reach it.")
@click.option("--port", type=click.IntRange(1, 65535), default=6969, show_default=True, help="Port to listen on.")
@click.option("--interval", type=click.FloatRange(min=1), default=30, show_default=True, help="Seconds of announces.")
@click.option(
    "--peer", "peers", metavar="HOST:PORT", multiple=True, help="Another supernode; the rest are learnt of it."
)
@METRICS
def supernode(address: str, port: int, interval: float, peers: Sequence[str], metrics_socket: Path | None) -> None:
    """Run a supernode: a tracker at http://ADDRESS:PORT/announce and udp://ADDRESS:PORT that tells of the peers of
    other supernodes as well."""
    try:
        own = canonical_host(address), port
    except ValueError:
        raise click.UsageError(f"--address {address}: give an IP address") from None
    if ip_address(own[0]).is_unspecified:
        raise click.UsageError(f"--address {address}: give the one at which the other supernodes reach this one")
    others = [address_of("--peer", peer) for peer in peers]
    for host, _ in others:
        if ip_address(host).is_unspecified or is_ipv6(host) != is_ipv6(own[0]):
            raise click.UsageError(f"--peer {host}: give an address that is reached from {own[0]}")
    run(_supernode(own, interval, others, metrics_socket))


@click.command()
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
    run(_scrape(trackers, wanted))


async def _track(address: str, port: int, interval: float, metrics: Path | None) -> None:
    from p2p_node.shell.tracker_server import TrackerServer

    await _serve(TrackerServer(interval), address, port, metrics)


async def _supernode(own: Address, interval: float, peers: Sequence[Address], metrics: Path | None) -> None:
    from p2p_node.shell.supernode_server import SupernodeServer

    server = SupernodeServer(interval, own, peers)
    telling = asyncio.create_task(_tell_when_met(server))
    await _serve(server, *own, metrics)
    telling.cancel()


async def _tell_when_met(server: SupernodeServer) -> None:
    await server.met()
    click.echo("in the mesh")


async def _serve(tracker: TrackerServer, address: str, port: int, metrics: Path | None) -> None:
    async with serving_metrics(metrics, tracker.exposition):
        host, port = await tracker.listen(address, port)
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"listening on http://{shown}:{port}/announce and udp://{shown}:{port}/announce")
        await until_stopped()
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
