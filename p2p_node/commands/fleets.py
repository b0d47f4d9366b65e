"""`fleet`: many peers in one process."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from p2p_node.commands.options import CONTACTS, DISCOVERY, SLOTS, overlay_of
from p2p_node.commands.running import run, until_stopped
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.errors import describe

COLLECT_AFTER = 20_000
"""Objects made before the collector looks for cycles in a fleet. At Python's 700 it looks through all connections many
times a second, 3 % of the time, and finds hardly any."""


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix socket of the control API.")
@SLOTS
@DISCOVERY
@CONTACTS
def fleet(control: Path, slots: int | None, discovery: str | None, contacts: tuple[str, ...]) -> None:
    """Host many peers in one process, driven over a control socket."""
    run(_fleet(control, SwarmSettings(slots=slots), overlay_of(discovery, contacts)))


async def _fleet(control: Path, settings: SwarmSettings, overlay: Overlay | None) -> None:
    from aiohttp import web

    from p2p_node.shell.fleet import Fleet

    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    runner = web.AppRunner(Fleet(settings, overlay).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(control), backlog=1024).start()
    except OSError as error:
        raise describe(error, f"listen on {control}") from None
    click.echo(f"listening on {control}")
    await until_stopped()
    await runner.cleanup()
