"""Whole runs of lookups, small ones: what is found, what is on record, and what is left when a run ends early.

Such a run mostly waits for its network to form and to settle; so that the tests need not, all runs here wait together.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from running import Swarmbench

NODES = 16
COUNT = 24
RUN = (
    *("run", "lookup", "--lab", "loopback", "--peers", NODES),
    *("--set", "lookup.items=8", "--set", f"lookup.load={COUNT}", "--set", "lookup.duration=1s"),
)
ROUGH = ("--set", "lookup.churn=100%", "--set", "lookup.duration=2s", "--set", "lookup.kill=25%")
PATIENCE_S = 60.0

MOST_MESSAGES = 4 * NODES * 6 * 2
"""Four rings in which everybody asks six neighbours and answers: what even a flood that finds late cannot exceed."""


@dataclass
class Told:
    """What a run said, what it left running, and what it has on record, at its end or after a resumption."""

    code: int
    out: str
    err: str
    left: list[psutil.Process]
    rows: list[dict[str, Any]]
    lookups: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    before: list[dict[str, Any]]
    """The rows when it was killed."""


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fleets(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """Of these a run of lookups has two."""
    told = []
    for child in psutil.Process(run.pid).children(recursive=True):
        try:
            if "nodes" in child.cmdline():
                told.append(child)
        except psutil.NoSuchProcess:
            continue
    return told


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def records(swarmbench: Swarmbench, name: str) -> list[dict[str, Any]]:
    path = swarmbench.out / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows(swarmbench: Swarmbench) -> list[dict[str, Any]]:
    path = swarmbench.out / "summary.json"
    return json.loads(path.read_text())["lookup_rows"] if path.exists() else []


def told(
    swarmbench: Swarmbench,
    code: int,
    out: str,
    err: str,
    left: list[psutil.Process],
    before: list[dict[str, Any]],
) -> Told:
    lookups, nodes = records(swarmbench, "lookups"), records(swarmbench, "nodes")
    return Told(code, out, err, alive(left), rows(swarmbench), lookups, nodes, before)


def side_by_side(swarmbench: Swarmbench) -> Told:
    """Two families, one after the other."""
    done = swarmbench(*RUN, "--contenders", "swarm-dht,swarm-gossip", "--out", swarmbench.out)
    return told(swarmbench, done.returncode, done.stdout, done.stderr, [], [])


def killed(swarmbench: Swarmbench) -> Told:
    """kill -9 in the second of two steps, amid churn, and resumed."""
    arguments = (*RUN, *ROUGH, "--contenders", "swarm-dht", "--repeats", 2, "--out", swarmbench.out)
    with swarmbench.start(*arguments) as run:
        wait_until(lambda: rows(swarmbench) and len(fleets(run)) == 2)
        processes = psutil.Process(run.pid).children(recursive=True)
        run.kill()
    time.sleep(1)
    left, before = alive(processes), rows(swarmbench)
    done = swarmbench(*arguments, "--resume")
    return told(swarmbench, done.returncode, done.stdout, done.stderr, left, before)


def interrupted(swarmbench: Swarmbench) -> Told:
    """Ctrl-C in the second of two steps."""
    with swarmbench.start(*RUN, "--contenders", "swarm-supernode", "--repeats", 2, "--out", swarmbench.out) as run:
        wait_until(lambda: rows(swarmbench) and len(fleets(run)) == 2)
        processes = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
    return told(swarmbench, run.returncode, out, err, processes, [])


def bereft(swarmbench: Swarmbench) -> Told:
    """One of the fleets dies."""
    with swarmbench.start(*RUN, "--contenders", "swarm-gossip", "--out", swarmbench.out) as run:
        wait_until(lambda: len(fleets(run)) == 2)
        time.sleep(1)
        processes = psutil.Process(run.pid).children(recursive=True)
        fleets(run)[0].kill()
        out, err = run.communicate(timeout=PATIENCE_S)
    return told(swarmbench, run.returncode, out, err, processes, [])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Told]]]:
    """All of these at once."""
    stories = (killed, side_by_side, interrupted, bereft)
    with ThreadPoolExecutor(len(stories)) as pool:
        yield {
            story.__name__: pool.submit(story, Swarmbench(Path(tmp_path_factory.mktemp(story.__name__))))
            for story in stories
        }


def test_an_interrupted_run_leaves_nothing_running(runs):
    """One line that says how to go on, exit code 1."""
    run = runs["interrupted"].result()
    assert (run.code, run.left) == (1, [])
    assert run.err.startswith("swarmbench: interrupted: 1 of 2 steps are kept") and run.err.count("\n") == 1


def test_a_fleet_that_dies_fails_its_step_with_the_reason(runs):
    """Every planned lookup is on record as not begun; one line, exit code 1, as nothing was found."""
    run = runs["bereft"].result()
    assert (run.code, run.left) == (1, [])
    assert run.err.count("\n") == 1 and "nothing was found" in run.err and "nodes-" in run.err
    assert len(run.lookups) == COUNT
    assert all(not lookup["ok"] and lookup["started_s"] is None for lookup in run.lookups)
    assert all(not row["valid"] and "nodes-" in row["invalid_reason"] for row in run.rows)


def asked(run: Told, contender: str) -> set[tuple[str, int, float]]:
    return {(each["node"], each["item"], each["intended_s"]) for each in run.lookups if each["contender"] == contender}


def test_every_family_finds_what_there_is(runs):
    """Index or flood: in so small a network everything is found, by lookups that are judged against the truth."""
    both, hybrid = (runs[name].result() for name in ("side_by_side", "interrupted"))
    assert both.code == 0, both.err
    lookups, nodes = both.lookups + hybrid.lookups, both.nodes + hybrid.nodes
    assert len(lookups) == 3 * COUNT
    assert all(1 <= lookup["replicas"] <= NODES / 4 and lookup["stale"] == 0 for lookup in lookups)
    for row in both.rows + hybrid.rows:
        assert row["success"] >= (0.9 if row["contender"] == "swarm-gossip" else 1.0), row
        assert row["phase"] == "whole" and 0 < row["messages"] < MOST_MESSAGES
    assert len(nodes) == 3 * NODES and all(node["joined"] for node in nodes)


def test_every_family_is_asked_the_same(runs):
    """By the same nodes, at the same moments, also in another run of the same seed."""
    both, hybrid = (runs[name].result() for name in ("side_by_side", "interrupted"))
    assert asked(both, "swarm-dht") == asked(both, "swarm-gossip") == asked(hybrid, "swarm-supernode")
    assert len(asked(both, "swarm-dht")) == COUNT


def test_the_networks_are_told_side_by_side(runs):
    """In the terminal, and in a report."""
    run = runs["side_by_side"].result()
    said = " ".join(run.out.split())
    assert "Among 16 nodes an item that one node has is found by swarm-dht in 100% of lookups" in said
    assert "and by swarm-gossip in" in said and "report.html" in said


def test_a_killed_run_of_a_rough_network_is_resumed(runs):
    """Nothing stays running; the finished step stays as it was, and the other is played with its killing and churn."""
    run = runs["killed"].result()
    assert run.left == []
    assert {row["repeat"] for row in run.before} == {0}
    assert run.code == 0, run.err
    assert [row for row in run.rows if row["repeat"] == 0] == run.before
    assert {(row["repeat"], row["phase"]) for row in run.rows} == {
        (n, at) for n in (0, 1) for at in ("before", "after")
    }
    assert all(lookup["error"] is None for lookup in run.lookups), run.lookups
    survivors = [sum(node["repeat"] == repeat for node in run.nodes) for repeat in (0, 1)]
    assert survivors == [NODES * 3 // 4] * 2
    found = [lookup["ok"] for lookup in run.lookups if lookup["replicas"]]
    assert sum(found) >= 0.9 * len(found)
