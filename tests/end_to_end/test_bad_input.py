"""Bad input: one line that says what, where and what to do, and the exit code that was promised."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

import pytest

from harness.cli import perform
from harness.demand.driver import failed_transfer
from harness.results import store
from harness.results.schema import Summary
from harness.results.step import Step
from harness.scenarios import catalogue
from harness.scenarios.reading import read_scenario

USAGE = 2

CASES = [
    (["run", "flash-crow"], "unknown scenario 'flash-crow'; did you mean 'flash-crowd'"),
    (["run", "nowhere/mine.toml"], "nowhere/mine.toml: no such scenario file"),
    (["run", "bad.toml"], "bad.toml: unknown key 'contents'"),
    (["run", "flash-crowd", "--contenders", "http,swarn"], "unknown contender 'swarn'; did you mean 'swarm'"),
    (["run", "flash-crowd", "--lab", "moon"], "unknown lab 'moon'"),
    (["run", "flash-crowd", "--peers", "0"], "--peers: peers: 0 is not a whole number"),
    (["run", "flash-crowd", "--peers", "-1"], "--peers: peers: -1 is not a whole number"),
    (["run", "flash-crowd", "--peers", "many"], "--peers: peers: many is not a whole number"),
    (["run", "flash-crowd", "--repeats", "x"], "--repeats: repeats: x is not a whole number"),
    (["run", "flash-crowd", "--seed", "-1"], "--seed: seed: -1 is not a whole number"),
    (["run", "flash-crowd", "--set", "content.sise=1MiB"], "--set: unknown key 'content.sise'; did you mean"),
    (["run", "flash-crowd", "--set", "links.peer.up=0.0001mbit"], "--set: links.peer.up: 0.0001mbit is out of range"),
    (["run", "flash-crowd", "--set", "links.peer.up=0mbit"], "links: only the simulated lab has links of 0mbit"),
    (["run", "flash-crowd", "--metrics-port", "99999"], "--metrics-port.*99999"),
    (["run", "flash-crowd", "--metrics-per-peer"], "--metrics-per-peer: has a meaning only with --metrics-port"),
    (["run", "lookup", "--metrics-per-peer", "--metrics-port", "9"], "--metrics-per-peer: tells of downloads"),
    (
        ["run", "flash-crowd", "--metrics-per-peer", "--metrics-port", "9", "--peers", "8,257"],
        "--metrics-per-peer: tells up to 256 peers apart, not 257; choose fewer --peers",
    ),
    (["run", "flash-crowd", "--out", "foreign"], "foreign: is not empty and not a run directory"),
    (["run", "flash-crowd", "--out", "bad.toml"], "bad.toml: is a file"),
    (["run", "flash-crowd", "--out", "finished"], "finished: holds a finished run; choose another --out"),
    (["run", "flash-crowd", "--out", "unfinished"], "unfinished: holds an unfinished run; continue it with --resume"),
    (["run", "flash-crowd", "--out", "unfinished", "--resume", "--seed", "9"], "was run with another scenario"),
    (["run", "flash-crowd", "--resume"], "no run to resume"),
    (["run", "lookup", "--contenders", "http"], "unknown network 'http'; .*swarm-dht"),
    (["run", "lookup", "--peers", "1"], "--peers: peers: a network has at least 2 nodes"),
    (["run", "lookup", "--set", "lookup.lode=calm"], "--set: unknown key 'lookup.lode'; did you mean 'lookup.load'"),
    (["run", "lookup", "--set", "lookup.churn=200%"], "--set: lookup.churn: '200%' is not a share"),
    (["run", "lookup", "--set", "lookup.load=nonsense"], "--set: lookup.load: 'nonsense' is not a load"),
    (["run", "lookup", "--set", "lookup.kill=9% of supernodes"], "lookup.kill: swarm-dht has no supernodes"),
    (["run", "flash-crowd", "--set", "lookup.load=calm"], "--set: lookup.load: has a meaning only .* run lookup"),
    (["run"], "Missing argument"),
    (["run", "flash-crowd", "--colour"], "No such option.*--colour"),
    (["rum"], "No such command 'rum'"),
    (["report", "foreign"], "foreign: not a run directory"),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with what the cases name."""
    monkeypatch.chdir(tmp_path)
    scenario = read_scenario(catalogue.find("flash-crowd"))
    (tmp_path / "bad.toml").write_text("[contents]\nsize = '1MiB'\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("")
    finished = store.create(tmp_path / "finished", scenario)
    finished.write_summary(Summary(1, "flash-crowd", "Flash crowd", "loopback", True, []))
    finished_step = [failed_transfer(Step("http", 1, 0), "peer-001", 0.0, "the server was asleep")]
    store.create(tmp_path / "unfinished", scenario).append_step(finished_step, [])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_usage_is_one_line_and_exit_code_2(place, capsys, arguments, message):
    """Whatever was mistaken, before anything is started."""
    assert perform(arguments) == USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert re.match(f"swarmbench: .*{message}", told.err)


def test_the_command_itself_ends_with_the_code(place):
    """As a process, too."""
    told = subprocess.run(
        [sys.executable, "-m", "harness", "run", "nothing-like-it"], capture_output=True, text=True, cwd=place
    )
    assert told.returncode == USAGE
    assert re.fullmatch(r"swarmbench: unknown scenario .*\n", told.stderr)


def test_a_metrics_port_that_is_taken_is_exit_code_1(place, capsys):
    """Nothing was wrong with the command; the machine was in the way."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert perform(["run", "flash-crowd", "--out", "new", "--metrics-port", str(port)]) == 1
    assert re.match(rf"swarmbench: metrics: port {port} .* --metrics-port\n$", capsys.readouterr().err)


def test_too_little_room_is_exit_code_1(place, capsys):
    """Said before anything is deployed."""
    arguments = [
        "run",
        "flash-crowd",
        "--out",
        "new",
        "--peers",
        "10000",
        "--set",
        "content.size=64GiB",
        "--lab",
        "loopback",
    ]
    assert perform(arguments) == 1
    assert re.match(r"swarmbench: not enough room for the downloads: .* TMPDIR .*\n$", capsys.readouterr().err)


def test_a_directory_that_cannot_be_made_is_one_line(place, capsys):
    """The path and the reason."""
    assert perform(["run", "flash-crowd", "--out", "bad.toml/deep"]) in (1, USAGE)
    assert re.match(r"swarmbench: bad\.toml/deep: .*\n$", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["scenarios", "contenders", "labs", "--help", "--version"])
def test_the_listings_work(capsys, command):
    """They name what there is."""
    assert perform([command]) == 0
    assert capsys.readouterr().out.strip()
