"""Helpers of the tests that drive the fetcher fleet: start one, and speak docs/control-api.md to it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import PATIENCE_S, stop


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
def fetcher_fleet(directory: Path) -> Iterator[Fleet]:
    """A fetcher fleet of its own process; it must end cleanly."""
    control = directory / "control.sock"
    command = [sys.executable, "-m", "harness.contenders.fetcher", "--control", str(control)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            yield Fleet(control, process)
        finally:
            code = stop(process)
    assert code == 0
    assert not control.exists()
