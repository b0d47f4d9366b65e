"""Options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from p2p_node.discovery.families import FAMILIES
from p2p_node.shell.discovering import Overlay
from p2p_node.wire.address import Address, parse_address

RATE = click.option("--upload-rate", type=click.FloatRange(min=1), help="Upload cap in bytes per second.")
ADDRESS = click.option("--address", default="0.0.0.0", show_default=True, help="Address to listen on.")
SLOTS = click.option(
    "--slots", type=click.IntRange(min=1), help="Unchoke this many peers (default: all while they are few)."
)
DISCOVERY = click.option(
    "--discovery", type=click.Choice(sorted(FAMILIES)), help="Take part in a network that finds peers without trackers."
)
CONTACTS = click.option(
    "--contact", "contacts", metavar="HOST:PORT", multiple=True, help="A node of that network to enter it through."
)
METRICS = click.option(
    "--metrics-socket", type=click.Path(path_type=Path), help="Unix socket on which to answer /metrics for Prometheus."
)


def overlay_of(discovery: str | None, contacts: Sequence[str]) -> Overlay | None:
    """The network that a command's options name; raises click.UsageError."""
    if discovery is None:
        if contacts:
            raise click.UsageError("--contact names a node of a network: say which family it is of with --discovery")
        return None
    return Overlay(discovery, tuple(address_of("--contact", contact) for contact in contacts))


def address_of(option: str, text: str) -> Address:
    """The address that an option was given; raises click.UsageError."""
    try:
        return parse_address(text)
    except ValueError:
        raise click.UsageError(f"{option} {text}: give an IP address and a port, as 192.0.2.1:6881") from None
