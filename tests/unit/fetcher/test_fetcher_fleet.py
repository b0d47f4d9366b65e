"""The fetcher fleet against real servers: what it stores, what it says about it, and what it makes of bad ones."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from controlling import Fleet, failure, fetcher_fleet, saying, speaking, url
from serving import PATIENCE_S, Served, baseline_server, read_all

CONTENT = os.urandom(5_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fetcher_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("origin")
    (root / "item.bin").write_bytes(CONTENT)
    (root / "empty").write_bytes(b"")
    with baseline_server(root) as served:
        yield served


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A peer's id that no other test uses."""
    return "peer-" + hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:12]


def test_a_fetch_is_stored_and_told(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """The file is the item, and the events are those of the control API, in order of time."""
    directory = fleet.add(name, tmp_path)
    events = fleet.fetch(name, url(origin, "item.bin"), SHA256)
    assert [events[0]["event"], events[1]["event"], events[-1]["event"]] == ["started", "first_byte", "done"]
    assert {event["event"] for event in events[2:-1]} <= {"progress"}
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    done = {key: value for key, value in events[-1].items() if key != "at"}
    assert done == {
        "event": "done",
        "ok": True,
        "bytes": len(CONTENT),
        "error": None,
        "path": str(directory / "item.bin"),
        "sources": {"origin": len(CONTENT), "peers": 0, "webseed": 0},
        "wasted_bytes": 0,
    }
    assert (directory / "item.bin").read_bytes() == CONTENT
    described = json.loads(fleet.ask("GET", f"/peers/{name}")[1])
    assert (described["state"], described["bytes"]) == ("done", len(CONTENT))


def test_an_empty_item(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """Nothing is also content: it has a hash and a file."""
    directory = fleet.add(name, tmp_path)
    assert fleet.fetch(name, url(origin, "empty"), hashlib.sha256().hexdigest())[-1]["ok"]
    assert (directory / "empty").read_bytes() == b""


def test_a_peer_fetches_again(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """A fetcher is idle after done, and an older, longer file of the name is written over."""
    directory = fleet.add(name, tmp_path)
    (directory / "item.bin").write_bytes(b"x" * (len(CONTENT) + 1))
    for _ in range(2):
        assert fleet.fetch(name, url(origin, "item.bin"), SHA256)[-1]["ok"]
        assert (directory / "item.bin").read_bytes() == CONTENT


def test_each_peer_has_its_address(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """The server sees the peer's own address, which is what the lab shapes."""
    seen = []

    def script(sock: socket.socket) -> None:
        seen.append(sock.getpeername()[0])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    fleet.add(name, tmp_path, address="127.0.4.77")
    with speaking(script) as source:
        assert fleet.fetch(name, source)[-1]["ok"]
    assert seen == ["127.0.4.77"]


def test_many_at_once(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """A fleet's peers fetch side by side, each its own file."""
    names = [f"{name}-{number}" for number in range(16)]
    directories = [fleet.add(each, tmp_path, address=f"127.0.5.{1 + at}") for at, each in enumerate(names)]
    order = {"source": url(origin, "item.bin"), "sha256": SHA256}
    streams = [fleet.stream("POST", f"/peers/{each}/fetch", order) for each in names]
    for stream in streams:
        assert json.loads(stream.read().splitlines()[-1])["ok"]
    for directory in directories:
        assert (directory / "item.bin").read_bytes() == CONTENT


def test_a_capped_peer_gets_it_whole(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """Reading in pauses loses nothing."""
    directory = fleet.add(name, tmp_path, download_rate=20_000_000)
    assert fleet.fetch(name, url(origin, "item.bin"), SHA256)[-1]["ok"]
    assert (directory / "item.bin").read_bytes() == CONTENT


def test_an_interim_response_is_passed_over(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """103 and the like precede the answer (RFC 9110 section 15.2), whatever way the bytes are cut."""
    directory = fleet.add(name, tmp_path)
    pieces = (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-",
        b"Length: 5\r\n\r\nhe",
        b"llo",
    )
    with speaking(saying(*pieces)) as source:
        assert fleet.fetch(name, source, hashlib.sha256(b"hello").hexdigest())[-1]["ok"]
    assert (directory / "item.bin").read_bytes() == b"hello"


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((HEAD, b"x" * 999), "closed the connection after 999 of 1000 bytes"),
        ((HEAD, b"x" * 1001), "sent more than the 1000 bytes"),
        ((HEAD, b"x" * 1000), "wrong content"),
        ((b"HTTP/1.1 200 OK\r\n\r\nhello",), "no Content-Length"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",), "no Content-Length"),
        ((b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",), "302 Found"),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), "not HTTP"),
        ((b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000,), "head exceeds"),
        ((), "closed the connection after 0 bytes"),
    ],
)
def test_a_bad_answer_fails(fleet: Fleet, name: str, tmp_path: Path, pieces: tuple[bytes, ...], error: str) -> None:
    """Whatever is not the whole, right item fails with its reason and leaves no file to be taken for it."""
    directory = fleet.add(name, tmp_path)
    with speaking(saying(*pieces)) as source:
        assert error in failure(fleet.fetch(name, source, "0" * 64))
    assert list(directory.iterdir()) == []


def test_a_missing_item_fails(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """404 is told as such."""
    fleet.add(name, tmp_path)
    assert "404 Not Found" in failure(fleet.fetch(name, url(origin, "missing")))


def test_a_reset_fails(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """A connection that is reset in the middle is told apart from one that ends."""

    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    fleet.add(name, tmp_path)
    with speaking(script) as source:
        assert "connection was lost" in failure(fleet.fetch(name, source))


def test_nobody_there_fails(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """A refused connection is one line."""
    fleet.add(name, tmp_path)
    assert "connection refused" in failure(fleet.fetch(name, "http://127.0.4.3:1/item.bin"))


def test_a_directory_that_takes_nothing_fails(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """What cannot be stored is not done."""
    directory = fleet.add(name, tmp_path)
    (directory / "item.bin").mkdir()
    assert "cannot store" in failure(fleet.fetch(name, url(origin, "item.bin"), SHA256))


def test_a_full_disk_fails(origin: Served, name: str, tmp_path: Path) -> None:
    """Running out of room in the middle ends the fetch, not the fleet. (A limit on file sizes stands for the disk.)"""
    with fetcher_fleet(tmp_path) as fleet:
        fleet.add(name, tmp_path)
        resource.prlimit(fleet.process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        assert "cannot store" in failure(fleet.fetch(name, url(origin, "item.bin"), SHA256))
        assert fleet.ask("GET", "/healthz") == (200, "ok")


def test_a_listener_that_leaves_cancels(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """When the client of the stream goes away the download is dropped, and the peer is free again."""
    hung_up = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"x")
        read_all(sock)
        hung_up.set()

    directory = fleet.add(name, tmp_path)
    with speaking(script) as source:
        stream = fleet.stream("POST", f"/peers/{name}/fetch", {"source": source})
        assert json.loads(stream.readline())["event"] == "started"
        assert json.loads(stream.readline())["event"] == "first_byte"
        stream.close()
        assert hung_up.wait(PATIENCE_S)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("abrupt", [0, 1])
def test_a_peer_that_is_removed_ends_its_fetch(fleet: Fleet, name: str, tmp_path: Path, abrupt: int) -> None:
    """Removing a peer in the middle of a fetch ends the stream with done; meanwhile a second fetch is 409."""
    ended = []

    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"x")
        try:
            ended.append(sock.recv(1))
        except ConnectionResetError:
            ended.append("reset")

    fleet.add(name, tmp_path)
    with speaking(script) as source:
        stream = fleet.stream("POST", f"/peers/{name}/fetch", {"source": source})
        assert json.loads(stream.readline())["event"] == "started"
        assert json.loads(stream.readline())["event"] == "first_byte"
        assert fleet.ask("POST", f"/peers/{name}/fetch", {"source": source})[0] == 409
        assert fleet.ask("DELETE", f"/peers/{name}?abrupt={abrupt}")[0] == 204
        assert "removed" in failure([json.loads(line) for line in stream.read().splitlines()])
    assert ended == (["reset"] if abrupt else [b""])
    assert fleet.ask("GET", f"/peers/{name}")[0] == 404


def test_sigterm_ends_streams_with_done(name: str, tmp_path: Path) -> None:
    """A fleet that is stopped says so to whoever waits, exits 0 and takes its socket away."""
    with fetcher_fleet(tmp_path) as fleet:
        fleet.add(name, tmp_path)

        def script(sock: socket.socket) -> None:
            sock.sendall(HEAD + b"x")
            read_all(sock)

        with speaking(script) as source:
            stream = fleet.stream("POST", f"/peers/{name}/fetch", {"source": source})
            assert json.loads(stream.readline())["event"] == "started"
            fleet.process.send_signal(signal.SIGTERM)
            assert "stopping" in failure([json.loads(line) for line in stream.read().splitlines()])
        assert fleet.process.wait(PATIENCE_S) == 0


def test_metrics_count(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """Outcomes and bytes can be read from /metrics."""
    before = fleet.metric('fetcher_fetches_total{outcome="completed"}')
    bytes_before = fleet.metric("fetcher_received_bytes_total")
    fleet.add(name, tmp_path)
    fleet.fetch(name, url(origin, "item.bin"), SHA256)
    assert fleet.metric('fetcher_fetches_total{outcome="completed"}') == before + 1
    assert fleet.metric("fetcher_received_bytes_total") >= bytes_before + len(CONTENT)
    assert fleet.metric("fetcher_fetching") == 0
