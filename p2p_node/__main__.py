"""The `p2p-node` command: create a torrent, seed it, get it, track or scrape it, or host a fleet of peers
or of nodes that only find each other.

What only some commands need is imported by them: an HTTP server is a third of a small node's memory.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import NoReturn

import click

from p2p_node.commands.fleets import fleet
from p2p_node.commands.nodes import nodes
from p2p_node.commands.peers import get, seed
from p2p_node.commands.torrents import create, magnet
from p2p_node.commands.tracking import scrape, supernode, track
from p2p_node.shell.errors import NodeError


@click.group(no_args_is_help=False)
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
        sys.exit(cli.main(prog_name="p2p-node", standalone_mode=False))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except NodeError as error:
        _complain(str(error), 1)
    except click.ClickException as error:
        _complain(f"{error.format_message()} (see p2p-node --help)", error.exit_code)
    except click.Abort:
        _complain("interrupted", 1)


def _complain(message: str, code: int) -> NoReturn:
    click.echo(f"p2p-node: {' '.join(message.split())}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
