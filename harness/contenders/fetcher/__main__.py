"""The fetcher fleet as a command: `python -m harness.contenders.fetcher --control SOCKET`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop
from aiohttp import web

from harness.contenders.fetcher.control import Control
from harness.errors import SwarmbenchError

_GRACE_S = 2.0
"""Seconds for streams to end after SIGTERM; their `done` is one line."""


@click.command()
@click.option("--control", type=click.Path(path_type=Path), required=True, help="Unix-domain socket to be driven by.")
def main(control: Path) -> None:
    """Host HTTP downloaders, driven over a Unix-domain socket (docs/control-api.md). SIGTERM ends it."""
    try:
        uvloop.run(_serve(control))
    except SwarmbenchError as error:
        click.echo(f"fetcher: {error}", err=True)
        sys.exit(error.exit_code)


async def _serve(path: Path) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    control = Control()
    # A fetch whose listener has gone is cancelled: docs/control-api.md.
    runner = web.AppRunner(control.application(), handler_cancellation=True, shutdown_timeout=_GRACE_S, access_log=None)
    await runner.setup()
    await _check_free(path)
    try:
        await web.UnixSite(runner, path).start()
    except OSError as error:
        raise SwarmbenchError(f"cannot listen on {path}: {error.strerror or error}") from None
    click.echo(f"listening on {path}")
    await stopping.wait()
    control.stop()
    await runner.cleanup()
    path.unlink(missing_ok=True)


async def _check_free(path: Path) -> None:
    """Refuse to take over the socket of a fleet that lives; one left by a dead fleet is replaced."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return
    writer.close()
    raise SwarmbenchError(f"cannot listen on {path}: another fleet answers there; choose another --control")


if __name__ == "__main__":
    main()
