"""What reaches a client over a real socket: the whole of one version, or visibly less."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import PATIENCE_S, Served, answers, baseline_server, read_all

from baseline_server.body import SLICE, TAIL

LARGE = 64 << 20
"""More than all socket buffers of a connection hold, so that sending it must wait for the client."""
REQUEST = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
EDGES = (1, TAIL - 1, TAIL, TAIL + 1, SLICE + TAIL - 1, SLICE + TAIL, SLICE + TAIL + 1, 3 * SLICE + 12345)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "edges").write_bytes(os.urandom(max(EDGES)))
    return root


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    with baseline_server(root) as served:
        yield served


def begin(served: Served, path: Path) -> socket.socket:
    """Ask for a large file, take its first bytes, and stop reading."""
    with path.open("wb") as file:
        file.truncate(LARGE)
    sock = socket.create_connection(served.address, timeout=PATIENCE_S)
    sock.sendall(REQUEST)
    assert b"200 OK" in sock.recv(1000)
    return sock


def read_cut(sock: socket.socket) -> int:
    """Bytes until the reset that must come."""
    received = 0
    with sock, pytest.raises(ConnectionResetError):
        while data := sock.recv(1 << 20):
            received += len(data)
    return received


@pytest.mark.parametrize("size", EDGES)
def test_every_byte_arrives(size: int, served: Served, root: Path) -> None:
    """Slices, their edges and the tail join without a seam, from odd offsets too."""
    content = (root / "edges").read_bytes()
    assert served.get("/edges", f"Range: bytes=0-{size - 1}").body == content[:size]
    assert served.get("/edges", f"Range: bytes=-{size}").body == content[-size:]


def test_large_answers_are_pipelined_too(served: Served, root: Path) -> None:
    """Answers keep their order when each must wait for the client to read."""
    content = (root / "edges").read_bytes()
    raw = served.exchange(b"GET /edges HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
    assert [answer.body == content for answer in answers(raw)] == [True] * 5


def test_hundreds_of_pipelined_requests(served: Served) -> None:
    """More requests than are answered in one turn are all answered."""
    assert len(answers(served.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 300))) == 300


@pytest.mark.parametrize("left", [2 << 20, LARGE - 1, 0])
def test_a_file_that_shrinks_is_cut(left: int, served: Served, root: Path) -> None:
    """Never a whole-looking answer with bytes that were not in the file, never SIGBUS: the connection is reset."""
    sock = begin(served, root / "file")
    os.truncate(root / "file", left)
    assert read_cut(sock) < LARGE
    assert served.get("/healthz").status == 200


def test_a_file_that_changes_is_cut(served: Served, root: Path) -> None:
    """Bytes of two versions under one ETag would be a lie."""
    sock = begin(served, root / "file")
    with (root / "file").open("r+b") as file:
        file.seek(LARGE - 1)
        file.write(b"x")
    assert read_cut(sock) < LARGE
    assert served.metric('baseline_server_connections_ended_total{reason="file_changed"}') > 0


def test_a_file_that_is_replaced_arrives_whole(served: Served, root: Path) -> None:
    """A rename leaves the version that is being sent as it was."""
    with begin(served, root / "file") as sock:
        (root / "new").write_bytes(b"new")
        (root / "new").rename(root / "file")
        sock.shutdown(socket.SHUT_WR)
        assert len(read_all(sock)) > LARGE - 1000
    assert served.get("/file").body == b"new"


def test_clients_that_vanish_leave_nothing(served: Served, root: Path) -> None:
    """A client that resets in the middle costs neither a descriptor nor the server."""
    fds = Path(f"/proc/{served.process.pid}/fd")
    served.get("/healthz")
    before = len(list(fds.iterdir()))
    for _ in range(20):
        begin(served, root / "file").close()
    while served.metric("baseline_server_connections") > 1:
        pass
    give_up = time.monotonic() + PATIENCE_S
    while len(list(fds.iterdir())) > before:  # the connection that asked may still be closing
        assert time.monotonic() < give_up
