"""The fetcher fleet with curl as its client: the same promises as with our own."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import require_tool
from controlling import Fleet, failure, fetcher_fleet, saying, speaking, url
from serving import PATIENCE_S, Served, baseline_server, read_all

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require_tool("curl", "curl")
    with fetcher_fleet(tmp_path_factory.mktemp("fleet"), "--client", "curl") as fleet:
        yield fleet


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("origin")
    (root / "item.bin").write_bytes(CONTENT)
    with baseline_server(root) as served:
        yield served


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A peer's id that no other test uses."""
    return "peer-" + hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:12]


def test_a_fetch_is_stored_and_told(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """The file is the item, over whatever longer file was there, and the events come in order of time."""
    directory = fleet.add(name, tmp_path)
    (directory / "item.bin").write_bytes(b"x" * (len(CONTENT) + 1))
    inode = (directory / "item.bin").stat().st_ino
    for _ in range(2):
        events = fleet.fetch(name, url(origin, "item.bin"), SHA256)
        assert [event["event"] for event in events if event["event"] != "progress"] == ["started", "first_byte", "done"]
        assert [event["at"] for event in events] == sorted(event["at"] for event in events)
        done = events[-1]
        assert (done["ok"], done["bytes"], done["path"]) == (True, len(CONTENT), str(directory / "item.bin"))
        assert done["sources"]["origin"] == len(CONTENT)
        assert (directory / "item.bin").read_bytes() == CONTENT
    assert (directory / "item.bin").stat().st_ino == inode


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


def test_a_cap_is_refused(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """curl's own limit is none for a transfer of seconds, so nobody is told that it is kept."""
    order = {"id": name, "address": "127.0.4.1", "directory": str(tmp_path), "download_rate": 1000}
    status, text = fleet.ask("POST", "/peers", order)
    assert (status, "use --lab namespace" in text) == (400, True)


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((HEAD, b"x" * 999), "1 bytes remaining"),
        ((HEAD, b"x" * 1000), "wrong content"),
        ((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",), "404"),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), "HTTP/0.9"),
    ],
)
def test_a_bad_answer_fails(fleet: Fleet, name: str, tmp_path: Path, pieces: tuple[bytes, ...], error: str) -> None:
    """Whatever is not the whole, right item fails with curl's reason or ours, and leaves no file."""
    directory = fleet.add(name, tmp_path)
    with speaking(saying(*pieces)) as source:
        assert error in failure(fleet.fetch(name, source, "0" * 64))
    assert list(directory.iterdir()) == []


def test_nobody_there_fails(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """A refused connection is one line."""
    fleet.add(name, tmp_path)
    assert "Failed to connect" in failure(fleet.fetch(name, "http://127.0.4.3:1/item.bin"))


def test_a_directory_that_takes_nothing_fails(fleet: Fleet, origin: Served, name: str, tmp_path: Path) -> None:
    """What cannot be stored is not done."""
    directory = fleet.add(name, tmp_path)
    (directory / "item.bin").mkdir()
    assert "cannot store" in failure(fleet.fetch(name, url(origin, "item.bin"), SHA256))


def test_a_listener_that_leaves_ends_curl(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """When the client of the stream goes away the program is killed, and nothing of the download stays."""
    asked, hung_up = threading.Event(), threading.Event()

    def script(sock: socket.socket) -> None:
        asked.set()
        sock.sendall(HEAD + b"x")
        read_all(sock)
        hung_up.set()

    directory = fleet.add(name, tmp_path)
    with speaking(script) as source:
        stream = fleet.stream("POST", f"/peers/{name}/fetch", {"source": source})
        assert json.loads(stream.readline())["event"] == "started"
        assert asked.wait(PATIENCE_S)
        stream.close()
        assert hung_up.wait(PATIENCE_S)
    assert list(directory.iterdir()) == []


def test_a_peer_that_is_removed_ends_its_fetch(fleet: Fleet, name: str, tmp_path: Path) -> None:
    """Removing a peer in the middle of a fetch kills its curl and ends the stream with done."""
    asked = threading.Event()
    fleet.add(name, tmp_path)

    def script(sock: socket.socket) -> None:
        asked.set()
        sock.sendall(HEAD + b"x")
        read_all(sock)

    with speaking(script) as source:
        stream = fleet.stream("POST", f"/peers/{name}/fetch", {"source": source})
        assert json.loads(stream.readline())["event"] == "started"
        assert asked.wait(PATIENCE_S)
        assert fleet.ask("DELETE", f"/peers/{name}")[0] == 204
        assert "removed" in failure([json.loads(line) for line in stream.read().splitlines()])
