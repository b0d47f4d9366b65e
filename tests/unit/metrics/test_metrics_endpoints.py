"""What processes tell on Unix sockets: real ones, and some that do not answer as they should."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.metrics.endpoints import Overheard, overhearing, parsed, summed_up

NODE = (sys.executable, "-m", "p2p_node")


@pytest.fixture
def place():
    """With a path short enough for a socket's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


@contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[str]]:
    """A process that has said its first line, and is ended."""
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def overheard(sockets: dict[str, list[Path]]) -> Overheard:
    """What is heard last of these processes."""
    heard: list[Overheard] = []

    async def go() -> None:
        async with overhearing(sockets, heard.append):
            await asyncio.sleep(0)

    asyncio.run(go())
    return heard[-1]


def test_the_server_tells_what_it_has_answered(place):
    """On a socket of its own, whose requests are not counted; it leaves no file."""
    (place / "file").write_bytes(bytes(1000))
    socket = place / "s.sock"
    command = (sys.executable, "-m", "baseline_server", "--root", place, "--port", 0, "--metrics-socket", socket)
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[-1]
        subprocess.run([sys.executable, "-c", f"import urllib.request as u; u.urlopen('{address}/file').read()"])
        told = overheard({"server": [socket]})
        process.terminate()
        assert process.wait(20) == 0
    assert told.responses == {("GET", "200"): 1.0}
    assert 1000 < told.uploaded["server"] < 2000
    assert not socket.exists()


def test_workers_tell_their_sums_on_one_socket(place):
    """The first of them answers for all."""
    socket = place / "s.sock"
    command = (sys.executable, "-m", "baseline_server", "--root", place, "--port", 0, "--workers", 2)
    with running(*command, "--metrics-socket", socket):
        deadline = time.monotonic() + 10  # the parent says that it listens once all have been started
        while not (told := overheard({"server": [socket]}).connections) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert told == {"server": 0.0}


def test_a_seed_and_a_fleet_tell_of_their_peers(place):
    """By their roles."""
    (place / "item").write_bytes(bytes(100_000))
    subprocess.run([*NODE, "create", place / "item"], check=True, capture_output=True)
    seed, fleet = place / "seed.sock", place / "fleet.sock"
    command = (*NODE, "seed", place / "item.torrent", "--data", place / "item", "--address", "127.0.7.1", "--port", 0)
    with running(*command, "--metrics-socket", seed), running(*NODE, "fleet", "--control", fleet):
        told = overheard({"server": [seed], "peers": [fleet]})
    assert told.connections == {"server": 0.0, "peers": 0.0}
    assert (told.duplicates, told.hash_failures) == (0.0, 0.0)


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-m", "baseline_server", "--root", ".", "--port", "0"),
        (*NODE, "seed", "item.torrent", "--data", "item", "--port", "0"),
    ],
    ids=["server", "seed"],
)
def test_a_socket_that_cannot_be_made_is_one_line(place, command):
    """With the path."""
    (place / "item").write_bytes(b"item")
    subprocess.run([*NODE, "create", "item"], cwd=place, check=True, capture_output=True)
    done = subprocess.run(
        [*command, "--metrics-socket", "no/where"], cwd=place, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "no/where" in done.stderr


def test_who_does_not_answer_in_time_holds_nobody_up(place):
    """Nor does who speaks nonsense, or is not there."""

    async def go() -> list[Overheard]:
        async def stuck(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\xff{{{{{")
            writer.close()

        async def well(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\np2p_connections 3\n")
            writer.close()

        heard: list[Overheard] = []
        for name, handler in (("stuck", stuck), ("babble", babble), ("well", well)):
            await asyncio.start_unix_server(handler, place / name)
        async with overhearing({"peers": [place / name for name in ("stuck", "babble", "gone", "well")]}, heard.append):
            await asyncio.sleep(1.2)
        return heard

    began = time.monotonic()
    assert [told.connections for told in asyncio.run(go())] == [{"peers": 3.0}] * 2
    assert time.monotonic() - began < 3


def test_the_diversity_is_of_the_rarest_piece_that_any_process_sees():
    """Over what they see on average."""
    first = parsed("p2p_piece_copies_fewest 2\np2p_piece_copies_mean 4\n")
    second = parsed("p2p_piece_copies_fewest 1\np2p_piece_copies_mean 2\n")
    assert summed_up([("peers", first), ("peers", second)]).diversity == pytest.approx(1 / 3)
    assert summed_up([("server", first)]).diversity is None
