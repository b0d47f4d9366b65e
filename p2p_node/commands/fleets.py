"""`fleet`: many peers in one process."""

from __future__ import annotations

from pathlib import Path

import click

from p2p_node.commands.options import CONTACTS, DISCOVERY, SLOTS, overlay_of
from p2p_node.commands.running import run, serve_control
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.discovering import Overlay


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix socket of the control API.")
@SLOTS
@DISCOVERY
@CONTACTS
def fleet(control: Path, slots: int | None, discovery: str | None, contacts: tuple[str, ...]) -> None:
    """Host many peers in one process, driven over a control socket."""
    run(_fleet(control, SwarmSettings(slots=slots), overlay_of(discovery, contacts)))


async def _fleet(control: Path, settings: SwarmSettings, overlay: Overlay | None) -> None:
    from p2p_node.shell.fleet import Fleet

    await serve_control(Fleet(settings, overlay).application(), control)
