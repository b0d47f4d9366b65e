"""The command line: one clear line when something is wrong, and the exit code that says whose fault it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from serving import baseline_server


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "baseline_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_taken_port(tmp_path: Path) -> None:
    """The second server on a port says so in one line and exits 1."""
    with baseline_server(tmp_path) as served:
        address, port = served.address
        ended = run("--root", str(tmp_path), "--address", address, "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"{address}:{port}: the port is taken" in ended.stderr


def test_a_missing_root(tmp_path: Path) -> None:
    """A root that is not there is a usage error."""
    ended = run("--root", str(tmp_path / "nowhere"))
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "nowhere" in ended.stderr


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    """An address that is not ours is named."""
    ended = run("--root", str(tmp_path), "--address", "192.0.2.1")
    assert ended.returncode == 1
    assert "no such address" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--rate", "0"], ["--max-connections", "0"], ["--rat", "1"]]
)
def test_nonsense(tmp_path: Path, arguments: list[str]) -> None:
    """Values out of range and unknown options exit 2 without a traceback."""
    ended = run("--root", str(tmp_path), *arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_metrics_count(tmp_path: Path) -> None:
    """What was answered and sent can be read from /metrics."""
    (tmp_path / "file").write_bytes(b"x" * 1000)
    with baseline_server(tmp_path) as served:
        served.get("/file")
        served.get("/nothing")
        assert served.metric('baseline_server_responses_total{method="GET",status="200"}') >= 1
        assert served.metric('baseline_server_responses_total{method="GET",status="404"}') == 1
        assert served.metric("baseline_server_sent_bytes_total") > 1000
        assert served.get("/healthz").body == b"ok\n"


def test_files_that_the_server_hides_are_named(tmp_path: Path) -> None:
    """/metrics and /healthz are the server's own; a file of such a name is not shadowed silently."""
    (tmp_path / "metrics").write_bytes(b"a file")
    command = [
        sys.executable,
        "-m",
        "baseline_server",
        "--root",
        str(tmp_path),
        "--address",
        "127.0.3.1",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("listening on ")
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said == f"baseline-server: {tmp_path / 'metrics'} cannot be had: /metrics is answered by the server\n"
