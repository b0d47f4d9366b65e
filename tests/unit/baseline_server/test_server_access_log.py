"""The access log: what each client asked for and what it really got, a line of JSON each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from serving import PATIENCE_S, baseline_server, read_all

LARGE = 64 << 20


def entries(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_each_response_is_a_line(tmp_path: Path) -> None:
    """Who asked, for what, how it was answered, in how many bytes and seconds; every worker appends to one file."""
    root, log = tmp_path / "root", tmp_path / "access.log"
    root.mkdir()
    (root / "file").write_bytes(b"x" * 1000)
    with baseline_server(root, "--access-log", str(log), "--workers", "2") as served:
        before = time.time()
        got = served.get("/file?a=b", "Range: bytes=0-99", 'User-Agent: te"st\xff')
        assert got.status == 206
        for _ in range(9):
            served.get("/missing")
        served.exchange(b"nonsense\r\n\r\n")
    told = entries(log)
    assert len(told) == 11
    [ranged] = [entry for entry in told if entry["status"] == 206]
    assert before - 1 < ranged.pop("at") < time.time() + 1
    assert 0 <= ranged.pop("duration_s") < PATIENCE_S
    assert 100 < ranged.pop("sent_bytes") < 1000
    assert ranged == {
        "client": "127.0.0.1",
        "method": "GET",
        "target": "/file?a=b",
        "status": 206,
        "end": "sent",
        "range": "bytes=0-99",
        "referer": None,
        "user_agent": 'te"st\xff',
    }
    [unreadable] = [entry for entry in told if entry["status"] == 400]
    assert (unreadable["method"], unreadable["target"], unreadable["end"]) == (None, None, "sent")


def test_a_response_that_was_cut_says_so(tmp_path: Path) -> None:
    """The status was 200, and yet the client did not get the file: the entry tells why, and how far it came."""
    root, log = tmp_path / "root", tmp_path / "access.log"
    root.mkdir()
    with (root / "file").open("wb") as file:
        file.truncate(LARGE)
    with baseline_server(root, "--access-log", str(log)) as served:
        with socket.create_connection(served.address, timeout=PATIENCE_S) as sock:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(1000)
            os.truncate(root / "file", 1000)
            read_all(sock)
        give_up = time.monotonic() + PATIENCE_S
        while not log.read_text() and time.monotonic() < give_up:
            time.sleep(0.05)
        [entry] = entries(log)
    assert (entry["status"], entry["end"]) == (200, "file_changed")
    assert 0 < entry["sent_bytes"] < LARGE


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """It is said before anything is served."""
    command = [sys.executable, "-m", "baseline_server", "--root", str(tmp_path), "--access-log", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "cannot write the access log" in ended.stderr


def test_a_full_disk_costs_entries_and_not_the_service(tmp_path: Path) -> None:
    """The loss is told once, in one line, and downloads go on."""
    (tmp_path / "file").write_bytes(b"x")
    command = [sys.executable, "-m", "baseline_server", "--root", str(tmp_path), "--access-log", "/dev/full"]
    with subprocess.Popen(
        [*command, "--address", "127.0.3.1", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().strip().rpartition("/")[2].partition(":")
        for _ in range(3):
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as sock:
                sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert read_all(sock).startswith(b"HTTP/1.1 200")
            time.sleep(0.6)  # longer than entries are kept back, so that each is lost by itself
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert said == "baseline-server: /dev/full: entries of the access log are lost: No space left on device\n"
