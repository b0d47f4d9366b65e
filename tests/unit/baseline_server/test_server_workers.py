"""Several processes that serve as one: one port, one set of metrics, one end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from serving import PATIENCE_S, Served, answers, baseline_server, read_all

LARGE = 32 << 20


def workers_of(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children()


def established(worker: psutil.Process) -> int:
    return sum(each.status == psutil.CONN_ESTABLISHED for each in worker.net_connections("tcp4"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGE)
    (tmp_path / "small").write_bytes(b"small")
    return tmp_path


def test_metrics_are_everybodys(root: Path) -> None:
    """Whichever worker is scraped tells what all have answered."""
    with baseline_server(root, "--workers", "2") as served:
        for _ in range(40):
            assert served.get("/small").body == b"small"
        name = 'baseline_server_responses_total{method="GET",status="200"}'
        give_up = time.monotonic() + PATIENCE_S
        while served.metric(name) < 40:
            assert time.monotonic() < give_up
        assert 0 < served.metric("baseline_server_connections") < 3


def test_connections_are_spread(root: Path) -> None:
    """The kernel gives each worker some; that one has all 40 is as likely as 39 coins that fall alike."""
    with baseline_server(root, "--workers", "2") as served, ExitStack() as held:
        for _ in range(40):
            held.enter_context(socket.create_connection(served.address))
        give_up = time.monotonic() + PATIENCE_S
        while sum(shares := [established(worker) for worker in workers_of(served)]) < 40:
            assert time.monotonic() < give_up
    assert len(shares) == 2
    assert min(shares) > 0


def test_sigterm_drains_every_worker(root: Path) -> None:
    """What is under way arrives whole, whichever worker sends it; nobody new is let in; the exit is 0."""
    with baseline_server(root, "--workers", "3") as served:
        socks = [socket.create_connection(served.address, timeout=PATIENCE_S) for _ in range(9)]
        begun = []
        for sock in socks:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            begun.append(sock.recv(1000))
        served.process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(served.address).close()
            except (ConnectionRefusedError, ConnectionResetError):
                break
            assert time.monotonic() < give_up
        for sock, first in zip(socks, begun, strict=True):
            with sock:
                assert len(answers(first + read_all(sock))[0].body) == LARGE
        assert served.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("_attempt", range(4))
def test_a_worker_that_dies_ends_the_server(root: Path, _attempt: int) -> None:
    """Half a server is not left to go on: one line says which ended, and the exit is 1.

    Several times, since the other worker may be told to end before it has got as far as listening to that.
    """
    command = [sys.executable, "-m", "baseline_server", "--root", str(root), "--address", "127.0.3.1", "--port", "0"]
    with subprocess.Popen(
        [*command, "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().startswith("listening on ")
            first, second = psutil.Process(process.pid).children()
            os.kill(first.pid, signal.SIGKILL)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 1
    assert said == "baseline-server: worker 0 ended with -9, so the others were stopped\n"
    assert not second.is_running()


def test_workers_end_with_their_parent(root: Path) -> None:
    """Even when it is killed: nothing is left that holds the port."""
    with baseline_server(root, "--workers", "2") as served:
        orphans = workers_of(served)
        served.process.kill()
        gone, alive = psutil.wait_procs(orphans, timeout=PATIENCE_S)
    assert (len(gone), alive) == (2, [])


def test_the_port_is_not_shared_with_strangers(root: Path) -> None:
    """SO_REUSEPORT would let a second server of the same user in; it is told that the port is taken."""
    with baseline_server(root, "--workers", "2") as served:
        address, port = served.address
        command = [sys.executable, "-m", "baseline_server", "--root", str(root), "--address", address]
        ended = subprocess.run(
            [*command, "--port", str(port), "--workers", "2"], capture_output=True, text=True, timeout=PATIENCE_S
        )
    assert ended.returncode == 1
    assert "the port is taken" in ended.stderr


def test_a_rate_needs_one_process(root: Path) -> None:
    """A cap that each worker would keep for itself is refused."""
    command = [sys.executable, "-m", "baseline_server", "--root", str(root), "--rate", "1000", "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "--rate" in ended.stderr
