"""A fleet's process: the control API on a Unix-domain socket until SIGTERM."""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path

import click
from aiohttp import web

from harness.contenders.hosting.control import Control, Join
from harness.errors import SwarmbenchError

_GRACE_S = 2.0
"""Seconds for streams to end after SIGTERM; their `done` is one line."""


def stop_signal() -> asyncio.Event:
    """Set when SIGTERM or SIGINT comes."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def serve(path: Path, kind: str, join: Join) -> None:
    """Host the peers that `join` makes, driven over the socket at `path`. Raises SwarmbenchError."""
    stopping = stop_signal()
    allow_many_files()
    control = Control(kind, join)
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
    await control.stop()
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


def allow_many_files() -> None:
    """Every connection is a file, and the usual soft limit of 1,024 is for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
