"""What processes tell on Unix sockets: real ones, and some that do not answer as they should."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.metrics import names
from harness.metrics.endpoints import Overheard, overhearing, parsed, summed_up
from harness.ports import free_port

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
    assert told[names.RESPONSES] == {("GET", "200"): 1.0}
    assert 1000 < told[names.UPLOADED]["server",] < 2000
    assert not socket.exists()


def test_workers_tell_their_sums_on_one_socket(place):
    """The first of them answers for all."""
    socket = place / "s.sock"
    command = (sys.executable, "-m", "baseline_server", "--root", place, "--port", 0, "--workers", 2)
    with running(*command, "--metrics-socket", socket):
        deadline = time.monotonic() + 10  # the parent says that it listens once all have been started
        while not (told := overheard({"server": [socket]}).get(names.CONNECTIONS)) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert told == {("server",): 0.0}


def test_a_seed_and_a_fleet_tell_of_their_peers(place):
    """By their roles."""
    (place / "item").write_bytes(bytes(100_000))
    subprocess.run([*NODE, "create", place / "item"], check=True, capture_output=True)
    seed, fleet = place / "seed.sock", place / "fleet.sock"
    command = (*NODE, "seed", place / "item.torrent", "--data", place / "item", "--address", "127.0.7.1", "--port", 0)
    with running(*command, "--metrics-socket", seed), running(*NODE, "fleet", "--control", fleet):
        told = overheard({"server": [seed], "peers": [fleet]})
    for family in (names.CONNECTIONS, names.PENDING, names.QUEUES):
        assert told[family] == {("server",): 0.0, ("peers",): 0.0}
    assert told[names.STATES]["peers", "choked"] == 0.0
    assert (told[names.DUPLICATES], told[names.HASH_FAILURES]) == ({(): 0.0}, {(): 0.0})


def test_trackers_and_supernodes_tell_what_they_are_asked(place):
    """By their roles; supernodes also of each other. A question that is not understood is none."""
    tracker, lone = place / "tracker.sock", place / "supernode.sock"
    address = ("--address", "127.0.7.2", "--port", free_port())
    supernode = (*NODE, "supernode", "--address", "127.0.7.3", "--port", free_port(), "--metrics-socket", lone)
    with running(*NODE, "track", *address, "--metrics-socket", tracker), running(*supernode):
        url = f"http://{address[1]}:{address[3]}"
        announce = f"/announce?info_hash={'a' * 20}&peer_id={'b' * 20}&port=1&uploaded=0&downloaded=0&left=1"
        for path in (announce, "/announce?nonsense", f"/scrape?info_hash={'a' * 20}"):
            urllib.request.urlopen(url + path, timeout=5).read()
        told = overheard({"server": [tracker], "peers": [lone]})
    asked = {labels: count for labels, count in told[names.QUESTIONS].items() if count}
    assert asked == {("server", "http", "announce"): 1.0, ("server", "http", "scrape"): 1.0}
    assert told[names.KNOWN] == {("server",): 1.0, ("peers",): 0.0}
    assert told[names.MATES] == told[names.UNHEARD] == {("peers",): 0.0}
    assert told[names.DATAGRAMS]["server", "received"] == 0.0


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-m", "baseline_server", "--root", ".", "--port", "0"),
        (*NODE, "seed", "item.torrent", "--data", "item", "--port", "0"),
        (*NODE, "get", "item.torrent", "--out", "copy"),
        (*NODE, "track", "--port", "0"),
    ],
    ids=["server", "seed", "get", "tracker"],
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
    assert [told[names.CONNECTIONS] for told in asyncio.run(go())] == [{("peers",): 3.0}] * 2
    assert time.monotonic() - began < 3


def test_the_diversity_is_of_the_rarest_piece_that_any_process_sees():
    """Over what they see on average."""
    first = parsed("p2p_piece_copies_fewest 2\np2p_piece_copies_mean 4\n")
    second = parsed("p2p_piece_copies_fewest 1\np2p_piece_copies_mean 2\n")
    assert summed_up([("peers", first), ("peers", second)])[names.DIVERSITY] == {(): pytest.approx(1 / 3)}
    assert names.DIVERSITY not in summed_up([("server", first)])


def test_who_tells_a_figure_without_its_labels_is_not_counted():
    """It is somebody's own program, which may call anything as it likes."""
    told = parsed("tracker_questions_total 2\np2p_connections 3\n")
    assert summed_up([("server", told)]) == {names.CONNECTIONS: {("server",): 3.0}}
