"""The `p2p-node` command: create a torrent, seed it, get it, track or scrape it, or host a fleet of peers
or of nodes that only find each other.

A command is imported when it is called, and what only some need by them: importing all takes longer than making a small
torrent, and an HTTP server is a third of a small node's memory.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections import UserDict
from importlib import import_module
from typing import Any, NoReturn

import click

from p2p_node.shell.errors import NodeError


class Commands(UserDict[str, Any]):
    """Each by its name: given as the module of `p2p_node.commands` that it is in, got as the command."""

    def __getitem__(self, name: str) -> Any:
        """The command, imported; raises KeyError."""
        return getattr(import_module(f"p2p_node.commands.{self.data[name]}"), name)


COMMANDS = Commands(
    create="torrents",
    seed="peers",
    magnet="torrents",
    get="peers",
    track="tracking",
    supernode="tracking",
    scrape="tracking",
    fleet="fleets",
    nodes="nodes",
)


@click.group(commands=COMMANDS, no_args_is_help=False)
@click.option("--verbose", is_flag=True, help="Log connections and their ends to stderr.")
def cli(verbose: bool) -> None:
    """A BitTorrent peer."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr
    )


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
