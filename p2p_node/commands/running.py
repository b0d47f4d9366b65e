"""How a command runs: on uvloop, until it is done or stopped by a signal; and how it serves a control API."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvloop

from p2p_node.shell.errors import describe

if TYPE_CHECKING:
    from aiohttp import web

COLLECT_AFTER = 20_000
"""Objects made before the collector looks for cycles in a fleet. At Python's 700 it looks through all connections many
times a second, 3 % of the time, and finds hardly any."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Do this on an event loop of its own, with as many files as the system lets this process open: every connection is
    one, and the usual soft limit of 1,024 is for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def until_stopped() -> None:
    """Return at SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def stop_gracefully() -> None:
    """Let SIGTERM end the running task as SIGINT does, so that it can record what it has."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def serve_control(application: web.Application, control: Path, *, cancel_abandoned: bool = False) -> None:
    """Serve a fleet's control API on a Unix socket until stopped; raises NodeError.

    `cancel_abandoned`: a request is cancelled when whoever asked has gone, rather than when it is next written to.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    async with _served(application, control, handler_cancellation=cancel_abandoned):
        click.echo(f"listening on {control}")
        await until_stopped()


@asynccontextmanager
async def serving_metrics(socket: Path | None, exposition: Callable[[], bytes]) -> AsyncIterator[None]:
    """Answer `/metrics` on a Unix socket, if one is given, as long as this lasts; raises NodeError."""
    if socket is None:
        yield
        return
    from aiohttp import web

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=exposition())

    application = web.Application()
    application.router.add_get("/metrics", answer)
    async with _served(application, socket):
        yield


@asynccontextmanager
async def _served(application: web.Application, socket: Path, **how: Any) -> AsyncIterator[None]:
    from aiohttp import web

    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, **how)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket), backlog=1024).start()
    except OSError as error:
        raise describe(error, f"listen on {socket}") from None
    try:
        yield
    finally:
        await runner.cleanup()
