"""Helpers of the tests that drive the fetcher fleet: start one, and speak docs/control-api.md to it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import PATIENCE_S, Served, stop


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix-domain socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("fleet", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self._path))


@dataclass
class Fleet:
    """A running fleet."""

    control: Path
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """The status and the text of one answer."""
        response = self.stream(method, path, body)
        return response.status, response.read().decode()

    def stream(self, method: str, path: str, body: object = None) -> http.client.HTTPResponse:
        """One answer, to be read as it comes; closing it closes the connection."""
        connection = UnixConnection(self.control)
        encoded = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, encoded, {"Connection": "close"})
        return connection.getresponse()

    def add(self, name: str, directory: Path, **order: object) -> Path:
        """Add a peer; returns its directory."""
        body = {"id": name, "address": "127.0.4.1", "directory": str(directory / name), **order}
        status, text = self.ask("POST", "/peers", body)
        assert (status, json.loads(text)) == (201, {"id": name, "port": 0}), text
        return directory / name

    def fetch(self, name: str, source: str, sha256: str | None = None) -> list[dict[str, Any]]:
        """All events of one fetch."""
        status, text = self.ask("POST", f"/peers/{name}/fetch", {"source": source, "sha256": sha256})
        assert status == 200, text
        return [json.loads(line) for line in text.splitlines()]

    def metric(self, name: str) -> float:
        """The value of one sample of /metrics; 0.0 if there is none."""
        for line in self.ask("GET", "/metrics")[1].splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        return 0.0


@contextmanager
def fetcher_fleet(directory: Path, *options: str) -> Iterator[Fleet]:
    """A fetcher fleet of its own process; it must end cleanly."""
    control = directory / "control.sock"
    with running_fleet(control, "harness.contenders.fetcher", *options) as fleet:
        yield fleet
    assert not control.exists()


@contextmanager
def running_fleet(control: Path, module: str, *arguments: str) -> Iterator[Fleet]:
    """A fleet of its own process, which listens at `control`; it must end cleanly."""
    command = [sys.executable, "-m", module, *arguments, "--control", str(control)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            yield Fleet(control, process)
        finally:
            code = stop(process)
    assert code == 0


def url(served: Served, path: str) -> str:
    """Where a running server has a file."""
    return f"http://{served.address[0]}:{served.address[1]}/{path}"


@contextmanager
def speaking(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server for one connection that does as `script` says once it was asked; yields a URL of it."""

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(PATIENCE_S)
            while b"\r\n\r\n" not in sock.recv(1 << 16):
                pass
            script(sock)

    with socket.create_server(("127.0.4.2", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.4.2:{listener.getsockname()[1]}/item.bin"
        thread.join()


def saying(*pieces: bytes) -> Callable[[socket.socket], None]:
    """The script that sends these pieces."""

    def script(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)

    return script


def failure(events: list[dict[str, Any]]) -> str:
    """The error of a fetch that must have failed."""
    done = events[-1]
    assert (done["event"], done["ok"], done["bytes"], done["path"]) == ("done", False, 0, None)
    assert done["sources"] == {"origin": 0, "peers": 0, "webseed": 0}
    assert "\n" not in done["error"]
    error: str = done["error"]
    return error
