"""The `baseline-server` command."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click
import uvloop

from baseline_server.access_log import AccessLog
from baseline_server.errors import BaselineServerError, UsageError
from baseline_server.files import Root
from baseline_server.limits import Limits
from baseline_server.listening import listen
from baseline_server.metrics import Board, Tally
from baseline_server.metrics_socket import serving_metrics
from baseline_server.server import OWN_PATHS, Server
from baseline_server.workers import run_workers

_DEFAULTS = Limits()
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(context_settings={"show_default": True})
@click.option("--root", type=click.Path(path_type=Path), required=True, help="Directory to serve.")
@click.option("--address", default="127.0.0.1", help="IPv4 address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--rate",
    type=click.FloatRange(min=1),
    default=None,
    help="Bytes per second that all connections together may send; without it, as fast as it goes.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    default=_DEFAULTS.max_connections,
    help="Connections at once, of each worker; one more is answered 503.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, help="Processes that share the port; --rate needs a single one."
)
@click.option(
    "--access-log",
    type=click.Path(path_type=Path),
    default=None,
    help="File to append a line of JSON to for each response; - is the standard output.",
)
@click.option(
    "--metrics-socket",
    type=click.Path(path_type=Path),
    default=None,
    help="Unix socket on which /metrics is answered, too, without being counted.",
)
@click.option("--header-timeout", type=_SECONDS, default=_DEFAULTS.header_s, help="Seconds for a request's head.")
@click.option("--idle-timeout", type=_SECONDS, default=_DEFAULTS.idle_s, help="Seconds between requests.")
@click.option(
    "--send-timeout", type=_SECONDS, default=_DEFAULTS.send_s, help="Seconds in which a client takes nothing."
)
@click.option("--drain-timeout", type=_SECONDS, default=_DEFAULTS.drain_s, help="Seconds to finish after SIGTERM.")
def main(
    root: Path,
    address: str,
    port: int,
    rate: float | None,
    max_connections: int,
    workers: int,
    access_log: Path | None,
    metrics_socket: Path | None,
    header_timeout: float,
    idle_timeout: float,
    send_timeout: float,
    drain_timeout: float,
) -> None:
    """Serve the files below a directory over HTTP/1.1, with /metrics and /healthz beside them.

    Files of these two names cannot be had, of which a warning tells. Prints one line when it listens. SIGTERM and
    SIGINT let responses that are under way finish; a second one does not.
    """
    limits = Limits(
        max_connections=max_connections,
        header_s=header_timeout,
        idle_s=idle_timeout,
        send_s=send_timeout,
        drain_s=drain_timeout,
    )
    try:
        if rate is not None and workers > 1:
            raise UsageError("--rate is shared by the connections of one process; leave out --workers or --rate")
        served = Root(root)
        _warn_of_shadowed(root)
        log = AccessLog(access_log) if access_log is not None else None
        listeners = listen(address, port, workers)
        announce = partial(click.echo, f"listening on http://{address}:{listeners[0].getsockname()[1]}")
        board = Board(workers)

        def keep(kept: Sequence[socket.socket]) -> None:
            for listener in listeners:
                if listener not in kept:
                    listener.close()

        def work(number: int) -> None:
            keep(listeners[number : number + 1])
            make = partial(Server, served, limits, rate, Tally(board, number), log)
            telling = metrics_socket if number == 0 else None  # of the sums, which are everybody's
            uvloop.run(_serve(make, listeners[number], telling, announce if workers == 1 else lambda: None))

        def started() -> None:
            keep(())
            announce()

        if workers == 1:
            work(0)
        else:
            run_workers(workers, work, started)
    except BaselineServerError as error:
        click.echo(f"baseline-server: {error}", err=True)
        sys.exit(error.exit_code)


def _warn_of_shadowed(root: Path) -> None:
    for path in OWN_PATHS:
        name = path.decode()
        if (root / name).exists():
            click.echo(f"baseline-server: {root / name} cannot be had: /{name} is answered by the server", err=True)


async def _serve(
    make: Callable[[], Server], listener: socket.socket, telling: Path | None, announce: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    impatient = asyncio.Event()

    def on_signal() -> None:
        (impatient if stopping.is_set() else stopping).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    server = make()
    server.accept_on(listener)
    async with serving_metrics(telling, server.tally.exposition) if telling else nullcontext():
        gc.freeze()  # what start-up made stays until the end; no collection need look at it
        announce()
        await stopping.wait()
    endings = [asyncio.create_task(server.drain()), asyncio.create_task(impatient.wait())]
    await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    for ending in endings:
        ending.cancel()
    if server.access_log is not None:
        server.access_log.close()


if __name__ == "__main__":
    main()
