"""Runs in the simulated lab, through the command that people use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running import records, swarmbench

SMALL = ("--set", "content.size=1MiB")


def run(out: Path, *arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """A simulated run with records and summary only."""
    known = ("run", "flash-crowd", "--lab", "simulated", "--no-report", "--out", str(out))
    return swarmbench(*known, *SMALL, *arguments, hash_seed=hash_seed)


def transfers(directory: Path) -> list[dict[str, Any]]:
    return records(directory / "transfers.jsonl")


def test_the_same_seed_gives_the_same_bytes_in_every_process_and_another_others(tmp_path: Path) -> None:
    """Also where processes order their sets differently; and the records are those of any other lab."""
    which = ("--contenders", "http,swarm,swarm-dht,swarm-gossip,swarm-supernode", "--peers", "3")
    first, again = run(tmp_path / "first", *which, hash_seed="1"), run(tmp_path / "again", *which, hash_seed="2")
    other = run(tmp_path / "other", "--contenders", "swarm", "--peers", "3", "--seed", "2")
    assert [done.returncode for done in (first, again, other)] == [0, 0, 0], first.stderr + again.stderr + other.stderr
    for name in ("transfers.jsonl", "samples.jsonl"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    times = [each["done_s"] for each in transfers(tmp_path / "first") if each["contender"] == "swarm"]
    assert times != [each["done_s"] for each in transfers(tmp_path / "other")]
    rows = json.loads((tmp_path / "first/summary.json").read_text())["rows"]
    assert len(rows) == 5 and all(row["valid"] and row["completed"] == 3 for row in rows)
    assert all(row["lab"] == "simulated" and 0.5 < row["efficiency"] <= 1.0 for row in rows)
    assert all(row["origin_bytes"] == 3 << 20 for row in rows if row["contender"] == "http")
    environment = json.loads((tmp_path / "first/environment.json").read_text())
    assert environment["lab"] == "simulated"
    assert environment["calibration"]["server_up"] == pytest.approx(5e6 * 1448 / 1514)


def test_a_run_is_replayed_and_a_course_that_differs_is_told(tmp_path: Path) -> None:
    """What is on record happens again; where a record was changed, the first difference is named."""
    assert run(tmp_path / "run", "--contenders", "swarm", "--peers", "2").returncode == 0
    replayed = swarmbench("replay", str(tmp_path / "run"))
    assert replayed.returncode == 0 and "as recorded" in replayed.stdout, replayed.stderr
    record = tmp_path / "run/transfers.jsonl"
    record.write_text(record.read_text().replace('"started_s":0.0', '"started_s":0.5', 1))
    replayed = swarmbench("replay", str(tmp_path / "run"))
    assert replayed.returncode == 1 and "peer-001" in replayed.stderr and "started_s was 0.5, is 0.0" in replayed.stderr


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        (("links.server.up=0mbit", "links.peer.up=0mbit"), "no full copy can exist after t = 0 s"),
        (("demand.origin_leaves=150ms",), "no full copy can exist after t = 0.15 s, when the origin left"),
    ],
    ids=["no uplink", "the seed leaves"],
)
def test_the_impossible_ends_with_a_verdict(tmp_path: Path, settings: tuple[str, ...], verdict: str) -> None:
    """Neither hangs, and both fail as failed transfers do."""
    options = [word for setting in settings for word in ("--set", setting)]
    done = run(tmp_path / "run", "--contenders", "swarm", "--peers", "4", *options)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    found = transfers(tmp_path / "run")
    assert len(found) == 4 and all(not each["ok"] and each["error"].startswith(verdict) for each in found)


def test_an_origin_that_leaves_after_a_copy_is_out_changes_nothing_of_the_end(tmp_path: Path) -> None:
    done = run(tmp_path / "run", "--contenders", "swarm", "--peers", "4", "--set", "demand.origin_leaves=600ms")
    assert done.returncode == 0 and all(each["ok"] for each in transfers(tmp_path / "run"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--contenders", "nginx"),
            "contender 'nginx' does not exist in the simulated lab, where there are: http, swarm",
        ),
        (("--lab", "loopback", "--set", "demand.origin_leaves=1s"), "only the simulated lab lets the origin leave"),
    ],
)
def test_what_a_lab_cannot_do_is_one_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run(tmp_path / "run", "--peers", "2", *arguments)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
