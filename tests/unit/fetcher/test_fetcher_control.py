"""The control API's answers to what cannot be granted: a status and one line, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from controlling import Fleet, fetcher_fleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    with fetcher_fleet(directory) as fleet:
        fleet.add("there", directory)
        yield fleet


def peer(**changes: object) -> dict[str, object]:
    return {"id": "new", "address": "127.0.4.1", "directory": "/proc/nowhere", **changes}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/peers/nobody", None, 404),
        ("DELETE", "/peers/nobody", None, 404),
        ("POST", "/peers/nobody/fetch", {"source": "http://127.0.0.1/x"}, 404),
        ("GET", "/elsewhere", None, 404),
        ("PUT", "/peers", {}, 405),
        ("POST", "/peers", b"{", 400),
        ("POST", "/peers", b"\xff", 400),
        ("POST", "/peers", {}, 400),
        ("POST", "/peers", peer(id=""), 400),
        ("POST", "/peers", peer(id=1), 400),
        ("POST", "/peers", peer(address="192.0.2.1"), 400),
        ("POST", "/peers", peer(address="nonsense"), 400),
        ("POST", "/peers", peer(download_rate=0), 400),
        ("POST", "/peers", peer(download_rate="fast"), 400),
        ("POST", "/peers", peer(), 400),
        ("POST", "/peers", peer(id="there"), 409),
        ("POST", "/peers/there/fetch", {"source": "ftp://127.0.0.1/x"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/.."}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/a%2fb"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/a%00b"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/a b"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/a\r\nX: y/b"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1:99999/a"}, 400),
        ("POST", "/peers/there/fetch", {"source": "http://127.0.0.1/a", "sha256": "abc"}, 400),
        ("DELETE", "/peers/there?abrupt=perhaps", None, 400),
    ],
)
def test_refused(fleet: Fleet, method: str, path: str, body: object, status: int) -> None:
    """Each has its status, and a body with one line."""
    got, text = fleet.ask(method, path, body)
    assert got == status
    error = json.loads(text)["error"]
    assert error
    assert "\n" not in error


def test_a_socket_in_use_is_left_alone(fleet: Fleet) -> None:
    """A second fleet on one socket is told in one line, exit 1; the first goes on."""
    command = [sys.executable, "-m", "harness.contenders.fetcher", "--control", str(fleet.control)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert fleet.ask("GET", "/healthz") == (200, "ok")


def test_a_socket_nowhere(tmp_path: Path) -> None:
    """A path where no socket can be made is named in one line."""
    command = [sys.executable, "-m", "harness.contenders.fetcher", "--control", str(tmp_path / "no" / "sock")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "no/sock" in ended.stderr


def test_a_dead_fleets_socket_is_replaced(tmp_path: Path) -> None:
    """A fleet that was killed leaves its socket behind; the next one takes the place."""
    command = [sys.executable, "-m", "harness.contenders.fetcher", "--control", str(tmp_path / "control.sock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.kill()
    with fetcher_fleet(tmp_path) as fleet:
        assert fleet.ask("GET", "/healthz") == (200, "ok")
