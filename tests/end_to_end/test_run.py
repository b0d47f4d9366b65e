"""Whole runs: what a person gets, and what is left when they, or the machine, end it early."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import psutil
import pytest
from conftest import require_tool
from running import QUICK, SMALL, Swarmbench

from harness.contenders.scratch import MEMORY, PREFIX


@pytest.fixture
def swarmbench(tmp_path):
    return Swarmbench(tmp_path)


def scratch_directories():
    return set(MEMORY.glob(f"{PREFIX}*"))


@contextmanager
def port_taken(port):
    """The port is somebody else's on every address of this machine, thus also on the lab's."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        yield


def wait_until(true, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(processes):
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A run of both sides: its command, what it told, and the scratch directories there were before and after it."""
    swarmbench, before = Swarmbench(tmp_path_factory.mktemp("compared")), scratch_directories()
    told = swarmbench("run", "flash-crowd", "--peers", "1,4", *SMALL, "--out", swarmbench.out)
    return swarmbench, told, before, scratch_directories()


def test_a_run_compares_both_sides_and_leaves_no_trace(compared):
    """Every peer of every step completes, verified, and the records, the report and the table say so."""
    swarmbench, told, before, after = compared
    assert told.returncode == 0, told.stderr
    rows = swarmbench.rows()
    assert {(row["contender"], row["peers"]) for row in rows} == {("http", 1), ("http", 4), ("swarm", 1), ("swarm", 4)}
    assert all(row["completed"] == row["peers"] and row["failed"] == 0 for row in rows)
    transfers = swarmbench.transfers()
    assert len(transfers) == 10
    assert all(each["ok"] and each["bytes"] == 2**20 and sum(each["sources"].values()) == 2**20 for each in transfers)
    assert all(row["origin_bytes"] == row["peers"] * 2**20 for row in rows if row["contender"] == "http")
    assert json.loads((swarmbench.out / "environment.json").read_text())["lab"] == "loopback"
    assert (swarmbench.out / "report.html").stat().st_size > 1000
    assert "swarm" in told.stdout and "report.html" in told.stdout
    assert after <= before


def test_a_report_is_made_anew_from_the_records(compared, swarmbench):
    """Raw transfers are the source of truth; what is derived can be thrown away."""
    shutil.copytree(compared[0].out, swarmbench.out)
    rows = swarmbench.rows()
    for name in ("summary.json", "report.html"):
        (swarmbench.out / name).unlink()
    told = swarmbench("report", swarmbench.out)
    assert told.returncode == 0, told.stderr
    assert swarmbench.rows() == rows
    assert (swarmbench.out / "report.html").exists()


def test_a_killed_run_leaves_no_process_and_goes_on_with_resume(swarmbench):
    """kill -9 in the middle of a step: two seconds later nothing runs, what was finished is on record, and it stays."""
    arguments = (
        "run",
        "flash-crowd",
        "--contenders",
        "swarm",
        "--peers",
        "1,3",
        "--repeats",
        "2",
        *SMALL,
        "--no-report",
    )
    with swarmbench.start(*arguments, "--out", swarmbench.out) as run:
        wait_until((swarmbench.out / "summary.json").exists)
        wait_until(lambda: len(psutil.Process(run.pid).children(recursive=True)) > 4)
        processes = psutil.Process(run.pid).children(recursive=True)
        run.kill()
    time.sleep(2)
    assert alive(processes) == []
    finished = swarmbench.rows()
    assert 1 <= len(finished) < 4

    told = swarmbench(*arguments, "--out", swarmbench.out)
    assert told.returncode == 2 and "--resume" in told.stderr
    told = swarmbench(*arguments, "--out", swarmbench.out, "--resume")
    assert told.returncode == 0, told.stderr
    rows = swarmbench.rows()
    assert [(row["peers"], row["repeat"]) for row in rows] == [(1, 0), (3, 0), (1, 1), (3, 1)]
    assert [row for row in rows if row in finished] == finished


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(swarmbench, number):
    """One line with the command, no process and no scratch left, finished steps readable."""
    before = scratch_directories()
    arguments = (*QUICK, "--contenders", "swarm", "--peers", "1,3")
    with swarmbench.start(*arguments, "--out", swarmbench.out) as run:
        wait_until((swarmbench.out / "summary.json").exists)
        processes = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        _, stderr = run.communicate(timeout=20)
    assert run.returncode == 1
    assert len(stderr.splitlines()) == 1
    assert "interrupted: 1 of 2 steps are kept" in stderr and "--resume" in stderr
    assert alive(processes) == []
    assert scratch_directories() <= before
    assert len(swarmbench.rows()) == 1


def test_a_contender_that_cannot_start_fails_its_step_and_not_the_run(swarmbench):
    """The port of the HTTP server is taken: its row says so, the swarm's is measured."""
    with port_taken(8080):
        told = swarmbench(*QUICK, "--contenders", "http,swarm", "--peers", "2", "--out", swarmbench.out)
    assert told.returncode == 0, told.stderr
    by_name = {row["contender"]: row for row in swarmbench.rows()}
    assert not by_name["http"]["valid"] and "8080" in by_name["http"]["invalid_reason"]
    assert (by_name["http"]["failed"], by_name["swarm"]["completed"]) == (2, 2)


def test_a_run_in_which_nothing_is_delivered_fails(swarmbench):
    """Exit code 1 and the first reason."""
    with port_taken(8080):
        told = swarmbench(*QUICK, "--contenders", "http", "--peers", "1", "--out", swarmbench.out)
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert "nothing was delivered" in told.stderr and "8080" in told.stderr


def test_the_default_directory_is_found_again_as_latest(swarmbench):
    """`results/<time>-<scenario>`, with `results/latest` pointing at it."""
    told = swarmbench(*QUICK, "--contenders", "swarm", "--peers", "1")
    assert told.returncode == 0, told.stderr
    latest = swarmbench.directory / "results" / "latest"
    assert latest.is_symlink() and latest.resolve().name.endswith("-speed")
    assert json.loads((latest / "summary.json").read_text())["complete"]


def test_a_full_disk_is_one_line_and_loses_nothing(swarmbench):
    """In a mount namespace with a tiny disk: exit code 1, what to do, and the steps before it readable."""
    unshare = require_tool("unshare", "util-linux")
    disk = swarmbench.directory / "disk"
    disk.mkdir()
    arguments = [*QUICK, "--contenders", "swarm", "--peers", "1,2,3", "--out", disk / "run"]
    script = (
        'mount -t tmpfs -o size=60k tmpfs "$1" || exit 99; shift; "$@"; code=$?; cat disk/run/summary.json; exit $code'
    )
    told = subprocess.run(
        [unshare, "-rm", "sh", "-c", script, "sh", disk, *swarmbench.command(*arguments)],
        cwd=swarmbench.directory,
        capture_output=True,
        text=True,
    )
    if told.returncode == 99 or "unshare failed" in told.stderr:
        pytest.skip("this kernel lets nobody mount a small disk of their own")
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert "No space left on device" in told.stderr and "--resume" in told.stderr
    summary = json.loads(told.stdout[told.stdout.index("{\n") :])
    assert len(summary["rows"]) >= 1 and not summary["complete"]


def test_a_person_can_drive_the_peers_in_locusts_web_ui(swarmbench):
    """The address is printed, users started there fetch the item, and Ctrl-C ends it all with exit code 0."""
    with swarmbench.start("run", "flash-crowd", "--contenders", "swarm", "--peers", "2", *SMALL, "--locust-ui") as run:
        address = re.search(r"http://\S+", run.stdout.readline())[0]
        processes = psutil.Process(run.pid).children(recursive=True)
        urllib.request.urlopen(f"{address}/swarm", data=b"user_count=2&spawn_rate=2", timeout=10).read()

        def fetched():
            told = json.load(urllib.request.urlopen(f"{address}/stats/requests", timeout=10))
            return any(each["name"] == "swarm" and each["num_requests"] == 2 for each in told["stats"]) and told

        wait_until(fetched)
        assert fetched()["fail_ratio"] == 0
        run.send_signal(signal.SIGINT)
        _, stderr = run.communicate(timeout=20)
    assert (run.returncode, stderr) == (0, "")
    assert alive(processes) == []
