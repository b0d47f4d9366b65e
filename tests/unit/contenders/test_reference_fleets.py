"""Fleets of other people's clients, driven over the control API: what they answer, and what is left of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
from controlling import Fleet
from serving import stop

from p2p_node.shell.torrent import create_torrent

KINDS = {
    "libtorrent": ["harness.contenders.libtorrent_fleet", "fleet"],
    "aria2": ["harness.contenders.process_fleet", "aria2", "fleet"],
    "transmission": ["harness.contenders.process_fleet", "transmission", "fleet"],
    "bare": ["harness.contenders.bare_fleet", "fleet"],
}
PROGRAMS = {"aria2": "aria2c", "transmission": "transmission-daemon"}


@contextmanager
def fleet_of(kind, directory):
    if kind in PROGRAMS and shutil.which(PROGRAMS[kind]) is None:
        pytest.skip(f"{PROGRAMS[kind]} is not installed")
    control = directory / "control.sock"
    command = [sys.executable, "-m", KINDS[kind][0], *KINDS[kind][1:], "--control", str(control)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            yield Fleet(control, process)
        finally:
            stop(process)


def add(fleet, directory, **order):
    body = {"id": "a", "address": "127.7.0.1", "directory": str(directory / "a"), **order}
    return fleet.ask("POST", "/peers", body)


def lonely_torrent(directory):
    """Of a file that nobody seeds, at a tracker that does not answer."""
    item = directory / "item.bin"
    item.write_bytes(bytes(range(256)) * 512)
    torrent = directory / "item.torrent"
    torrent.write_bytes(create_torrent(item, 2**14, ["http://127.7.0.9:9/announce"]))
    return torrent


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_fleet_speaks_the_control_api(tmp_path, kind):
    """An idle peer with its state, a refusal of a second one, an end without one, and metrics under its own name."""
    with fleet_of(kind, tmp_path) as fleet:
        status, text = add(fleet, tmp_path)
        assert status == 201, text
        assert (json.loads(text)["port"] > 0) == (kind != "bare")
        assert add(fleet, tmp_path)[0] == 409
        assert json.loads(fleet.ask("GET", "/peers/a")[1])["state"] == "idle"
        assert fleet.metric(f"{kind}_peers") == 1
        assert fleet.ask("DELETE", "/peers/a")[0] == 204
        assert fleet.metric(f"{kind}_peers") == 0
    assert fleet.process.returncode == 0


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_torrent_that_is_none_fails_the_fetch_in_one_line(tmp_path, kind):
    """As a `done` that is not ok."""
    broken = tmp_path / "broken.torrent"
    broken.write_bytes(b"d4:infoi1ee")
    with fleet_of(kind, tmp_path) as fleet:
        add(fleet, tmp_path)
        status, text = fleet.ask("POST", "/peers/a/fetch", {"source": str(broken), "origin": "127.7.0.2"})
        events = [json.loads(line) for line in text.splitlines()]
    assert status == 200
    assert [event["event"] for event in events] == ["started", "done"]
    assert not events[-1]["ok"]
    assert events[-1]["error"]


@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_a_client_that_crashes_fails_its_fetch(tmp_path, kind):
    """The transfer says so, and the fleet lives on."""
    with fleet_of(kind, tmp_path) as fleet:
        add(fleet, tmp_path)
        [client] = psutil.Process(fleet.process.pid).children()
        events: list[str] = []
        order = {"source": str(lonely_torrent(tmp_path)), "origin": "127.7.0.2"}
        fetching = threading.Thread(
            target=lambda: events.extend(fleet.ask("POST", "/peers/a/fetch", order)[1].splitlines())
        )
        fetching.start()
        time.sleep(0.5)
        client.kill()
        fetching.join(10)
        assert fleet.ask("GET", "/healthz") == (200, "ok")
    done = json.loads(events[-1])
    assert (done["event"], done["ok"]) == ("done", False)
    assert f"{PROGRAMS[kind]} ended with exit code -9" in done["error"]


@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_clients_do_not_outlive_a_fleet_that_is_killed(tmp_path, kind):
    """However it ends."""
    with fleet_of(kind, tmp_path) as fleet:
        add(fleet, tmp_path)
        [client] = psutil.Process(fleet.process.pid).children()
        os.kill(fleet.process.pid, signal.SIGKILL)
        psutil.wait_procs([client], timeout=5)
        assert not client.is_running() or client.status() == psutil.STATUS_ZOMBIE
