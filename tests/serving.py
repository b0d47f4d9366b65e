"""Helpers of the tests that talk to real servers: start one, send it bytes, read what it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 20.0
"""After which a test gives up; nothing takes this long unless it hangs."""


@dataclass(frozen=True)
class Answer:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Served:
    """A running server."""

    address: tuple[str, int]
    process: subprocess.Popen[str]

    def exchange(self, data: bytes, *, stay: bool = False) -> bytes:
        """Everything the server sends after `data`; without `stay` it is told that no more will come."""
        with socket.create_connection(self.address, timeout=PATIENCE_S) as sock:
            sock.sendall(data)
            if not stay:
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def get(self, target: str, *headers: str, method: str = "GET") -> Answer:
        """The answer to one request."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test", "Connection: close", *headers]
        raw = self.exchange("\r\n".join([*lines, "", ""]).encode("latin-1"), stay=True)
        return answers(raw, method)[0]

    def metric(self, name: str) -> float:
        """The value of one sample of /metrics; 0.0 if there is none."""
        for line in self.get("/metrics").body.decode().splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        return 0.0


def read_all(sock: socket.socket) -> bytes:
    """Bytes until the end; a reset ends them too."""
    received = bytearray()
    try:
        while data := sock.recv(1 << 16):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)


def answers(raw: bytes, *methods: str) -> list[Answer]:
    """The responses in `raw`, each to a request of the method at its place (the last method serves all others)."""
    found: list[Answer] = []
    while raw:
        head, separator, raw = raw.partition(b"\r\n\r\n")
        assert separator, f"a torn head: {head!r}"
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(status_line.split(" ")[1])
        method = methods[min(len(found), len(methods) - 1)] if methods else "GET"
        bodiless = method == "HEAD" or status in (204, 304) or status < 200
        length = 0 if bodiless else int(headers.get("content-length", len(raw)))
        found.append(Answer(status, headers, raw[:length]))
        raw = raw[length:]
    return found


@contextmanager
def baseline_server(root: Path, *options: str, address: str = "127.0.3.1") -> Iterator[Served]:
    """A baseline-server of its own process on a free port; it must end cleanly."""
    command = [sys.executable, "-m", "baseline_server", "--root", str(root), "--address", address, "--port", "0"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://"), line
            host, _, port = line.strip().rpartition("/")[2].partition(":")
            yield Served((host, int(port)), process)
        finally:
            stop(process)


@contextmanager
def nginx(binary: str, root: Path, scratch: Path, *, port: int, address: str = "127.0.3.2") -> Iterator[Served]:
    """Debian's nginx with one worker and sendfile, serving `root`."""
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{kind}_temp_path {scratch}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = scratch / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {scratch}/nginx.pid; error_log {scratch}/error.log; {user}\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; sendfile on; {temporary} server {{ listen {address}:{port}; root {root}; }} }}\n"
    )
    command = [binary, "-c", str(configuration), "-p", str(scratch), "-e", str(scratch / "error.log")]
    with subprocess.Popen(command, text=True) as process:
        try:
            wait_for_port((address, port), process)
            yield Served((address, port), process)
        finally:
            stop(process)


def free_port(address: str) -> int:
    """A port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind((address, 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for_port(address: tuple[str, int], process: subprocess.Popen[str]) -> None:
    """Return when something accepts at `address`."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(address, timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < give_up, f"nothing listens at {address}"
            time.sleep(0.02)


def stop(process: subprocess.Popen[str]) -> int:
    """End a process as a person would, and by force if it does not; returns its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.wait()
