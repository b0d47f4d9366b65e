"""`nodes`: many nodes of an overlay in one process, which find and are found but exchange no content."""

from __future__ import annotations

from pathlib import Path

import click

from p2p_node.commands.running import run, serve_control
from p2p_node.discovery.families import FAMILIES


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix socket of the control API.")
@click.option("--family", type=click.Choice(sorted(FAMILIES)), required=True, help="The kind of network they form.")
def nodes(control: Path, family: str) -> None:
    """Host many discovery-only nodes in one process, driven over a control socket."""
    run(_nodes(control, family))


async def _nodes(control: Path, family: str) -> None:
    from p2p_node.shell.overlay_fleet import OverlayFleet

    await serve_control(OverlayFleet(family).application(), control, cancel_abandoned=True)
