"""Lookups in the simulated lab, through the command that people use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from running import records, swarmbench

SHORT = ("--set", "lookup.duration=6s", "--set", "lookup.items=8")
FAMILIES = "swarm-dht,swarm-gossip,swarm-supernode"


def run(out: Path, *arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """A simulated run of lookups with records and summary only."""
    known = ("run", "lookup", "--lab", "simulated", "--no-report", "--out", str(out))
    return swarmbench(*known, *SHORT, *arguments, hash_seed=hash_seed)


def test_the_same_seed_finds_the_same_by_the_same_ways_in_every_process(tmp_path: Path) -> None:
    """In all families, also where processes order their sets differently; and what they find is there."""
    which = ("--contenders", FAMILIES, "--peers", "24")
    first, again = run(tmp_path / "first", *which, hash_seed="1"), run(tmp_path / "again", *which, hash_seed="2")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    for name in ("lookups.jsonl", "nodes.jsonl"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    lookups = records(tmp_path / "first/lookups.jsonl")
    assert {each["contender"] for each in lookups} == set(FAMILIES.split(","))
    assert all(each["ok"] and each["found"] >= 1 and each["error"] is None for each in lookups)
    assert all(-1e-6 < each["first_peer_s"] - each["intended_s"] < 1 for each in lookups)
    environment = json.loads((tmp_path / "first/environment.json").read_text())
    assert environment["model"] == "links without limits carry 10 Gbit/s"
    rows = json.loads((tmp_path / "first/summary.json").read_text())["lookup_rows"]
    assert rows and all(row["valid"] and row["lab"] == "simulated" and row["messages"] > 0 for row in rows)


def test_nodes_come_and_go_as_planned(tmp_path: Path) -> None:
    """Those that were born late have figures of their own age, and the dead have none."""
    done = run(tmp_path / "run", "--contenders", "swarm-dht", "--peers", "24", "--set", "lookup.churn=100%")
    assert done.returncode == 0, done.stderr
    nodes = records(tmp_path / "run/nodes.jsonl")
    heirs = [each for each in nodes if not each["node"].endswith(".0")]
    assert len(nodes) == 24 and len(heirs) == 2
    assert max(each["over_s"] for each in heirs) < min(each["over_s"] for each in nodes if each not in heirs)


def test_the_killed_are_gone(tmp_path: Path) -> None:
    """Half of them, for good; what only they had is looked for in vain, and nobody is blamed for it."""
    done = run(tmp_path / "run", "--contenders", "swarm-gossip", "--peers", "24", "--set", "lookup.kill=50%")
    assert done.returncode == 0, done.stderr
    assert len(records(tmp_path / "run/nodes.jsonl")) == 12
    lookups = records(tmp_path / "run/lookups.jsonl")
    assert any(not each["ok"] and not each["replicas"] for each in lookups if each["intended_s"] > 3)
    assert all(each["ok"] for each in lookups if each["done_s"] < 3)


def test_a_run_of_lookups_is_replayed(tmp_path: Path) -> None:
    """What is on record happens again; where a record was changed, the first difference is named."""
    assert run(tmp_path / "run", "--contenders", "swarm-supernode", "--peers", "12").returncode == 0
    replayed = swarmbench("replay", str(tmp_path / "run"))
    assert replayed.returncode == 0 and "lookups as recorded" in replayed.stdout, replayed.stderr
    record = tmp_path / "run/lookups.jsonl"
    record.write_text(record.read_text().replace('"ok":true', '"ok":false', 1))
    replayed = swarmbench("replay", str(tmp_path / "run"))
    assert replayed.returncode == 1 and "ok was False, is True" in replayed.stderr


@pytest.mark.parametrize(
    ("scenario", "arguments", "says"),
    [
        ("lookup", ("--contenders", "swarm"), "unknown network 'swarm'"),
        ("speed", ("--contenders", "swarm"), "links: are unlimited"),
    ],
)
def test_what_is_not_simulated_is_one_line(
    tmp_path: Path, scenario: str, arguments: tuple[str, ...], says: str
) -> None:
    """With what to do instead."""
    done = swarmbench("run", scenario, "--lab", "simulated", "--out", str(tmp_path / "run"), *arguments)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
