"""`python -m tests.small_files`: requests a second for small files over kept connections, baseline-server beside nginx.

In a swarm's scenarios a peer fetches one item, and the fleet that does it costs more than either server; this tool asks
as fast as one process can. What it finds is the servers' CPU time a request, and a rate that is bounded by the client
when the server is faster. Rounds of the two servers alternate, in random order.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))
from serving import Served, baseline_server, free_port, nginx

RESTED_S = 2.5
"""Baseline-server keeps a small file in memory from two seconds after its last change; a served file is older."""
REQUEST = b"GET /item HTTP/1.1\r\nHost: test\r\n\r\n"


@dataclass(frozen=True)
class Round:
    """What one round found."""

    requests_per_s: float
    server_us: float
    """CPU microseconds of the server's processes a request."""


class Asker(asyncio.Protocol):
    """A kept connection that asks again as soon as it has the whole answer."""

    def __init__(self, size: int, requests: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._size = size
        self._left = requests
        self._head = b""
        self._missing = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Count an answer's bytes; the length of its head is not known before its end."""
        if not self._missing:
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200"), head
            self._head, self._missing, data = b"", self._size, rest
        self._missing -= len(data)
        if not self._missing:
            self._left -= 1
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server must not hang up first."""
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed a kept connection"))

    def _ask(self) -> None:
        assert self._transport is not None
        if self._left:
            self._transport.write(REQUEST)
        else:
            self.done.set_result(None)
            self._transport.close()


async def ask(server: Served, size: int, connections: int, requests: int) -> Round:
    """One round of `requests` in all."""
    loop = asyncio.get_running_loop()
    before, began = _cpu_s(server), time.monotonic()
    askers = [
        (await loop.create_connection(lambda: Asker(size, requests // connections), *server.address))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(asker.done for asker in askers))
    took_s, asked = time.monotonic() - began, requests // connections * connections
    return Round(asked / took_s, (_cpu_s(server) - before) / asked * 1e6)


def _cpu_s(server: Served) -> float:
    process = psutil.Process(server.process.pid)
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children()))


@click.command()
@click.option("--size", default=16 * 1024, show_default=True, help="Bytes of the file.")
@click.option("--connections", default=16, show_default=True)
@click.option("--requests", default=20_000, show_default=True, help="In a round.")
@click.option("--rounds", default=5, show_default=True, help="Of each server.")
def main(size: int, connections: int, requests: int, rounds: int) -> None:
    """Compare the servers and print medians."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if binary is None:
        raise click.ClickException("nginx is missing; install it with: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory, ExitStack() as stack:
        root, scratch = Path(directory, "root"), Path(directory, "nginx")
        for made in (root, scratch):
            made.mkdir()
        (root / "item").write_bytes(os.urandom(size))
        Path(directory).chmod(0o755)
        time.sleep(RESTED_S)
        servers = {
            "baseline-server": stack.enter_context(baseline_server(root)),
            "nginx": stack.enter_context(nginx(binary, root, scratch, port=free_port("127.0.3.2"))),
        }
        found: dict[str, list[Round]] = {name: [] for name in servers}
        for _ in range(rounds):
            for name in random.sample(list(servers), len(servers)):
                found[name].append(uvloop.run(ask(servers[name], size, connections, requests)))
    for name, several in found.items():
        rate = statistics.median(each.requests_per_s for each in several)
        cost = statistics.median(each.server_us for each in several)
        click.echo(f"{name:16} {rate:8.0f} requests/s  {cost:5.1f} µs of the server's CPU a request")


if __name__ == "__main__":
    main()
