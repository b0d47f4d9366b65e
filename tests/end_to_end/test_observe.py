"""`swarmbench observe` for real: Debian's Prometheus in a private directory, on free ports.

Grafana cannot be had on the machines that build and test this, nor can a Docker daemon; for both, programs stand in
that answer where the real ones would.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from stat import S_IMODE

import psutil
import pytest
from conftest import require_tool
from dashboard_sources import dashboard_source
from grafana_server import TOKEN, grafana
from running import QUICK, Swarmbench

from harness.observing.observatory import Observatory

READY_S = 20.0

STAND_IN = """\
#!{python}
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

with open({log!r}, "a") as log:
    print(os.path.basename(sys.argv[0]), *sys.argv[1:], file=log)


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


names = ("GF_SERVER_HTTP_PORT", "SWARMBENCH_PROMETHEUS_PORT", "SWARMBENCH_GRAFANA_PORT")
ports = [int(os.environ[name]) for name in names if name in os.environ]
if {{"server", "up"}} & set(sys.argv[1:]):
    for port in ports:
        Thread(target=HTTPServer(("127.0.0.1", port), Healthy).serve_forever, daemon=True).start()
    time.sleep(60)
"""


@pytest.fixture
def swarmbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swarmbench:
    """With a state directory of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    dashboard_source(tmp_path / "dashboards")
    return Swarmbench(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Observatory:
    return Observatory(tmp_path / "state" / "swarmbench" / "observatory")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def prometheus(request: pytest.FixtureRequest) -> None:
    """The real one on PATH, and what ties it to who starts it."""
    programs = [require_tool("prometheus", "prometheus"), require_tool("setpriv", "util-linux")]
    directory = request.getfixturevalue("path")
    for program in programs:
        (directory / Path(program).name).symlink_to(program)


def free_ports(count: int) -> list[int]:
    trials = [socket.socket() for _ in range(count)]
    for trial in trials:
        trial.bind(("127.0.0.1", 0))
    ports = [trial.getsockname()[1] for trial in trials]
    for trial in trials:
        trial.close()
    return ports


def observe(ports: list[int]) -> list[object]:
    return ["observe", "--from", "dashboards", "--prometheus-port", ports[0], "--grafana-port", ports[1]]


def lines_until(process: subprocess.Popen[str], beginning: str) -> list[str]:
    lines: list[str] = []
    assert process.stdout is not None
    while not lines or not lines[-1].startswith(beginning):
        line = process.stdout.readline()
        assert line, lines
        lines.append(line.rstrip())
    return lines


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ask it to end; its exit code and its last words – and nobody of its own is left."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=READY_S)
    assert [each for each in family if each.is_running()] == []
    return process.returncode, out, err


def read(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
        return answer.read().decode()


def ask(url: str) -> dict:
    return json.loads(read(url))


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + READY_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def metrics() -> Iterator[int]:
    """A tiny server of metrics, as a run has one."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"swarmbench_answer 42\n")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def stand_in(directory: Path, name: str, log: Path) -> None:
    (directory / name).write_text(STAND_IN.format(python=sys.executable, log=str(log)))
    (directory / name).chmod(0o755)


@pytest.mark.usefixtures("prometheus")
def test_prometheus_watches_what_is_told_of_and_ends(swarmbench: Swarmbench, place: Observatory) -> None:
    """Healthy, with the target of a file that appears, until SIGTERM; what it saw is there the next time."""
    ports = free_ports(2)
    url = f"http://127.0.0.1:{ports[0]}"
    query = f"{url}/api/v1/query?query=" + urllib.parse.quote("count_over_time(swarmbench_answer[1h])")
    with swarmbench.start(*observe(ports)) as watching, metrics() as port:
        told = lines_until(watching, "Data is kept")
        assert f"Prometheus: {url}" in told and str(place.root) in told[-1]
        assert re.match(r"Grafana is not here, .* get it from https://", told[0])
        (place.targets / "run.json").write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"]}]))
        until(lambda: ask(query)["data"]["result"])
        [target] = ask(f"{url}/api/v1/targets")["data"]["activeTargets"]
        assert target["scrapeUrl"] == f"http://127.0.0.1:{port}/metrics" and target["health"] == "up"
        second = swarmbench(*observe(ports))
        assert second.returncode == 1
        assert re.fullmatch(rf"swarmbench: .*runs already as process {watching.pid}, at {url}; .*\n", second.stderr)
        code, out, err = end(watching)
    assert (code, err) == (0, "")
    assert out == f"Ended; data is kept in {place.root}\n"
    assert place.watch() is None
    with swarmbench.start(*observe(ports)) as watching:
        lines_until(watching, "Data is kept")
        assert ask(query)["data"]["result"]
        end(watching)


@pytest.mark.usefixtures("prometheus")
def test_a_grafana_on_path_is_started_beside_it(swarmbench: Swarmbench, place: Observatory, path: Path) -> None:
    """With its server's command, a password that nobody else can read, and known to runs."""
    log = swarmbench.directory / "log"
    stand_in(path, "grafana", log)
    ports = free_ports(2)
    with swarmbench.start(*observe(ports)) as watching:
        told = lines_until(watching, "Data is kept")
        assert told[:2] == [f"Prometheus: http://127.0.0.1:{ports[0]}", f"Grafana: http://127.0.0.1:{ports[1]}"]
        watch = place.watch()
        assert watch is not None and watch.grafana == f"http://127.0.0.1:{ports[1]}"
        assert log.read_text().startswith("grafana server")
        [grafana_process] = [each for each in psutil.Process(watching.pid).children() if "server" in each.cmdline()]
        environment = grafana_process.environ()
        assert environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
        assert environment["GF_SECURITY_ADMIN_PASSWORD"] == place.password() != "admin"
        assert Path(environment["GF_PATHS_PROVISIONING"], "datasources", "prometheus.yaml").is_file()
        assert S_IMODE((place.root / "grafana-password").stat().st_mode) == 0o600
        grafana_process.kill()
        _, err = watching.communicate(timeout=READY_S)
    assert watching.returncode == 1
    assert re.fullmatch(r"swarmbench: observe: grafana ended; it said nothing\n", err)


@pytest.mark.usefixtures("prometheus")
def test_docker_does_it_when_asked(swarmbench: Swarmbench, path: Path, place: Observatory) -> None:
    """The containers of compose.yaml are started, and removed at the end."""
    log = swarmbench.directory / "log"
    stand_in(path, "docker", log)
    ports = free_ports(2)
    with swarmbench.start(*observe(ports), "--docker") as watching:
        told = lines_until(watching, "Data is kept")
        assert told[1:3] == [f"Prometheus: http://127.0.0.1:{ports[0]}", f"Grafana: http://127.0.0.1:{ports[1]}"]
        code, _, err = end(watching)
    assert (code, err) == (0, "")
    compose = f"docker compose --project-name swarmbench --file {place.configuration / 'compose.yaml'}"
    assert log.read_text().splitlines() == [
        "docker info",
        "docker compose version",
        f"{compose} up",
        f"{compose} down",
    ]


@pytest.mark.usefixtures("path")
def test_a_machine_with_nothing_is_told_what_to_install(swarmbench: Swarmbench) -> None:
    """In one line, which also says what works without."""
    told = swarmbench(*observe([9090, 3000]))
    assert told.returncode == 1 and told.stdout == ""
    assert re.fullmatch(
        r"swarmbench: observe: .*apt-get install prometheus .*report\.html .* needs neither\n", told.stderr
    )


@pytest.mark.usefixtures("prometheus")
def test_docker_that_was_asked_for_is_missed(swarmbench: Swarmbench) -> None:
    """Though Prometheus would do."""
    told = swarmbench(*observe([9090, 3000]), "--docker")
    assert told.returncode == 1
    assert re.match(r"swarmbench: observe: docker is not on PATH; .*apt-get install docker.io; ", told.stderr)


def test_a_docker_whose_daemon_sleeps_is_told(swarmbench: Swarmbench, path: Path) -> None:
    """It is installed, but does not do."""
    (path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (path / "docker").chmod(0o755)
    told = swarmbench(*observe([9090, 3000]))
    assert told.returncode == 1
    assert re.fullmatch(
        r"swarmbench: observe: .* its daemon does not answer \(see: docker info\); .* needs neither\n", told.stderr
    )


@pytest.mark.usefixtures("prometheus")
def test_who_is_killed_leaves_no_prometheus(swarmbench: Swarmbench, place: Observatory) -> None:
    """It is told to end by the kernel, and the next one starts."""
    with swarmbench.start(*observe(free_ports(2))) as watching:
        lines_until(watching, "Data is kept")
        family = psutil.Process(watching.pid).children(recursive=True)
        watching.kill()
    assert len(family) == 1
    until(lambda: not family[0].is_running() or family[0].status() == psutil.STATUS_ZOMBIE)
    assert place.watch() is None


@pytest.mark.usefixtures("prometheus")
def test_a_port_that_is_taken_is_one_line(swarmbench: Swarmbench) -> None:
    """It says which option to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = swarmbench(*observe([taken.getsockname()[1], 3000]))
    assert told.returncode == 1
    assert re.fullmatch(r"swarmbench: observe: port \d+ .*in use.*choose another with --prometheus-port\n", told.stderr)


@pytest.mark.usefixtures("prometheus")
def test_a_configuration_that_prometheus_refuses_is_one_line(swarmbench: Swarmbench) -> None:
    """With what it said."""
    (swarmbench.directory / "dashboards" / "prometheus" / "prometheus.yml").write_text("global: nonsense\n")
    told = swarmbench(*observe(free_ports(2)))
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1 and "Prometheus ended with exit code 2" in told.stderr


def test_an_observed_run_is_a_target_and_marks_its_steps(swarmbench: Swarmbench, place: Observatory) -> None:
    """Prometheus can find it while it lasts and no longer; its steps are regions in Grafana; a person gets links."""
    place.furnish(swarmbench.directory / "dashboards")
    arguments = (*QUICK, "--contenders", "http", "--peers", "1", "--no-report", "--out", swarmbench.out)
    token = swarmbench.directory / "token"
    token.write_text(TOKEN)
    with grafana() as server:
        observed = ("--observe", "--grafana", server.url, "--token-file", token)
        with swarmbench.start(*arguments, *observed) as run:
            [first] = lines_until(run, "Watch it at")
            [target] = json.loads(next(place.targets.glob("*.json")).read_text())
            until(lambda: "swarmbench_" in read(f"http://{target['targets'][0]}/metrics"))
            out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        assert err == ""
        [request] = server.requests
    assert list(place.targets.iterdir()) == []
    assert re.fullmatch(rf"Watch it at {server.url}/d/the-front-page\?var-run=out&from=\d+&to=now&refresh=5s", first)
    link = re.search(rf"Dashboard of this run: {server.url}/d/the-front-page\?var-run=out&from=(\d+)&to=(\d+)\n", out)
    assert link is not None
    assert (request.path, request.authorization) == ("/api/annotations", f"Bearer {TOKEN}")
    assert request.body is not None
    assert request.body["tags"] == ["swarmbench", "run:out", "contender:http", "peers:1"]
    assert request.body["text"] == "http, 1 peer, repeat 1"
    assert int(link[1]) < request.body["time"] < request.body["timeEnd"] < int(link[2])


def test_what_belongs_to_observing_is_refused_without_it(swarmbench: Swarmbench) -> None:
    """Nobody would look there."""
    told = swarmbench("run", "speed", "--grafana", "http://grafana")
    assert told.returncode == 2
    assert told.stderr == "swarmbench: --grafana: has a meaning only with --observe\n"
