"""Patience, room and the end: what the server does with clients that wait, trickle, crowd or stay."""

from __future__ import annotations

import resource
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from serving import PATIENCE_S, Served, answers, baseline_server, read_all

LARGE = 32 << 20
REQUEST = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGE)
    return tmp_path


def connect(served: Served, receive_buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE_S)
    sock.connect(served.address)
    return sock


def test_a_trickled_head_is_408(root: Path) -> None:
    """Slowloris: a head has one deadline, which more bytes do not move."""
    with baseline_server(root, "--header-timeout", "0.5") as served, connect(served) as sock:
        sock.sendall(b"GET /file HTTP/1.1\r\n")
        sock.settimeout(0.1)
        received = b""
        give_up = time.monotonic() + PATIENCE_S
        while not received and time.monotonic() < give_up:
            sock.sendall(b"A: b\r\n")
            try:
                received = sock.recv(1000)
            except TimeoutError:
                continue
        assert answers(received)[0].status == 408


def test_silence_is_closed(root: Path) -> None:
    """Who connects and asks nothing, or nothing more, is hung up on without a word."""
    with baseline_server(root, "--header-timeout", "0.3", "--idle-timeout", "0.3") as served:
        with connect(served) as sock:
            assert read_all(sock) == b""
        raw = served.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", stay=True)
        assert [answer.status for answer in answers(raw)] == [200]


def test_a_client_that_takes_nothing_is_cut(root: Path) -> None:
    """A download nobody reads does not hold its connection for ever."""
    with baseline_server(root, "--send-timeout", "0.5") as served, connect(served) as sock:
        sock.sendall(REQUEST)
        while served.metric('baseline_server_connections_ended_total{reason="send_timeout"}') < 1:
            time.sleep(0.1)
        assert len(read_all(sock)) < LARGE


def test_a_slow_client_is_not(root: Path) -> None:
    """A client that takes a little now and then outlasts the time-out many times."""
    with baseline_server(root, "--send-timeout", "0.5") as served, connect(served, 4096) as sock:
        sock.sendall(REQUEST)
        received = 0
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            received += len(sock.recv(2048))
            time.sleep(0.05)
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(1 << 20):
            received += len(data)
        assert received > LARGE


def test_one_too_many_is_told(root: Path) -> None:
    """Beyond the limit a client gets a 503 and a hint when to return; room that comes free is given away again."""
    with baseline_server(root, "--max-connections", "2") as served, ExitStack() as held:
        first, second = (held.enter_context(connect(served)) for _ in range(2))
        for sock in (first, second):
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in sock.recv(1000)
        crowded = served.get("/healthz")
        assert crowded.status == 503
        assert crowded.headers["retry-after"] == "1"
        first.close()
        give_up = time.monotonic() + PATIENCE_S
        while served.get("/healthz").status != 200:
            assert time.monotonic() < give_up


def test_a_rate_is_shared_evenly(root: Path) -> None:
    """Downloads that begin together under one rate are together all along."""
    with baseline_server(root, "--rate", "4000000") as served, ExitStack() as held:
        socks = [held.enter_context(connect(served, 4096)) for _ in range(8)]
        for sock in socks:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\nRange: bytes=0-399999\r\n\r\n")
        received = dict.fromkeys(socks, 0)
        while min(received.values()) < 300_000:
            for sock in socks:
                received[sock] += len(sock.recv(1 << 16))
        assert max(received.values()) - min(received.values()) < 150_000


def test_sigterm_lets_downloads_finish(root: Path) -> None:
    """Drain: what is under way arrives whole, nobody new is let in, idle clients are closed, and the exit is 0."""
    with baseline_server(root) as served, connect(served) as busy, connect(served) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in idle.recv(1000)
        busy.sendall(REQUEST)
        first = busy.recv(1000)
        served.process.send_signal(signal.SIGTERM)
        assert read_all(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(served)
        assert len(answers(first + read_all(busy))[0].body) == LARGE
        assert served.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("how", ["time-out", "second signal"])
def test_drain_has_an_end(root: Path, how: str) -> None:
    """A client that does not read cannot keep the server alive: a time-out ends it, and so does a second SIGTERM."""
    timeout = "0.5" if how == "time-out" else "60"
    with baseline_server(root, "--drain-timeout", timeout) as served, connect(served) as sock:
        sock.sendall(REQUEST)
        sock.recv(1000)
        served.process.send_signal(signal.SIGTERM)
        if how == "second signal":
            while True:
                try:
                    connect(served).close()
                except (ConnectionRefusedError, ConnectionResetError):  # reset: it was waiting to be accepted
                    break
            served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE_S) == 0


def test_a_thousand_slow_downloads(root: Path) -> None:
    """They all progress and none fails, in less than 100 MiB of memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3000:
        pytest.skip("this machine allows fewer than 3,000 descriptors a process")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    with baseline_server(root) as served, ExitStack() as held:
        socks = [held.enter_context(connect(served, 4096)) for _ in range(1000)]
        for sock in socks:
            sock.sendall(REQUEST)
        for _ in range(5):
            for sock in socks:
                assert len(sock.recv(2048)) > 0
        served_rss = psutil.Process(served.process.pid).memory_info().rss
        assert served.metric("baseline_server_connections") == 1001
        assert served_rss < 100 << 20
