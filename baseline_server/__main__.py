"""The `baseline-server` command."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop

from baseline_server.errors import BaselineServerError
from baseline_server.files import Root
from baseline_server.limits import Limits
from baseline_server.server import Server

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
    help="Connections at once; one more is answered 503.",
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
    header_timeout: float,
    idle_timeout: float,
    send_timeout: float,
    drain_timeout: float,
) -> None:
    """Serve the files below a directory over HTTP/1.1, with /metrics and /healthz beside them.

    Prints one line when it listens. SIGTERM and SIGINT let responses that are under way finish; a second one does not.
    """
    limits = Limits(
        max_connections=max_connections,
        header_s=header_timeout,
        idle_s=idle_timeout,
        send_s=send_timeout,
        drain_s=drain_timeout,
    )
    try:
        uvloop.run(_serve(Root(root), limits, rate, address, port))
    except BaselineServerError as error:
        click.echo(f"baseline-server: {error}", err=True)
        sys.exit(error.exit_code)


async def _serve(root: Root, limits: Limits, rate: float | None, address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    impatient = asyncio.Event()

    def on_signal() -> None:
        (impatient if stopping.is_set() else stopping).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    server = Server(root, limits, rate)
    bound = server.listen(address, port)
    click.echo(f"listening on http://{address}:{bound}")
    await stopping.wait()
    endings = [asyncio.create_task(server.drain()), asyncio.create_task(impatient.wait())]
    await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    for ending in endings:
        ending.cancel()


if __name__ == "__main__":
    main()
