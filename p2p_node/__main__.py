"""The `p2p-node` command: create a torrent, seed it, get it, track or scrape it, or host a fleet of peers
or of nodes that only find each other.

What only some commands need is imported by them: an HTTP server is a third of a small node's memory.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import click

from p2p_node.commands.fleets import fleet
from p2p_node.commands.nodes import nodes
from p2p_node.commands.peers import get, seed
from p2p_node.commands.torrents import create, magnet
from p2p_node.commands.tracking import scrape, supernode, track
from p2p_node.shell.errors import NodeError


@click.group()
@click.option("--verbose", is_flag=True, help="Log connections and their ends to stderr.")
def cli(verbose: bool) -> None:
    """A BitTorrent peer."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr
    )


for command in (create, seed, magnet, get, track, supernode, scrape, fleet, nodes):
    cli.add_command(command)


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
