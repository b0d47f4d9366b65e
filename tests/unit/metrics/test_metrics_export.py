"""Finished runs as OpenMetrics: the records of a made-up run, read back moment by moment."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from conftest import require_tool
from lookup_records import SCENARIO_OF_LOOKUPS, lookup, lookup_row
from lookup_records import summary_of as summary_of_lookups
from metric_texts import key, moments_of
from records import ENVIRONMENT, MIB, SCENARIO, row, sample, summary, transfer

from harness.cli import perform
from harness.metrics.export import record
from harness.results import store
from harness.results.step import Step
from harness.scenarios.variant import variant

BEGAN = 1_700_000_000.25

SMALL = replace(SCENARIO, contenders=("swarm",), peers=(2,), repeats=2)


def labels(repeat=0, run="run"):
    return {
        "run": run,
        "scenario": "flash-crowd",
        "variant": variant(SMALL),
        "lab": "namespace",
        "contender": "swarm",
        "peers": 2,
        "repeat": repeat,
    }


def played(path, *, began=(BEGAN, BEGAN + 20), repeats=2):
    """A run of the swarm with two peers, one of which fails in the second repeat; each repeat takes 4.5 s."""
    directory = store.create(path, SMALL)
    directory.write_environment(ENVIRONMENT)
    for repeat in range(repeats):
        transfers = [
            transfer("peer-1", repeat=repeat, done_s=2.5),
            transfer(
                "peer-2",
                repeat=repeat,
                intended_s=1.0,
                started_s=1.001,
                first_byte_s=1.25,
                done_s=None if repeat else 4.5,
                ok=not repeat,
            ),
        ]
        samples = [replace_repeat(sample("peers", float(at), at / 10, 1000), repeat) for at in (1, 2, 3, 4)]
        if repeat < len(began):
            directory.append_beginning(Step("swarm", 2, repeat), began[repeat])
        directory.append_step(transfers, samples)
    directory.write_summary(summary([row("swarm", 2, 4.5, repeat=repeat) for repeat in range(repeats)]))
    return path


def replace_repeat(one, repeat):
    return type(one)(one.contender, one.peers, repeat, one.at_s, one.role, one.cpu_s, one.rss_bytes)


def exported(path):
    file = io.StringIO()
    record(path).write(file)
    return moments_of(file.getvalue())


def test_every_second_of_a_step_has_what_had_happened_by_then(tmp_path):
    """Counters grow as transfers end, gauges are as they were, and the row comes at the end."""
    told = exported(played(tmp_path / "run"))
    seconds = [told[BEGAN + second] for second in range(7)]
    ended = key("transfers_total", **labels(), outcome="ok")
    assert [second[ended] for second in seconds] == [0, 0, 0, 1, 1, 2, 2]
    current = key("current_peers", **labels())
    assert [second[current] for second in seconds] == [0, 1, 2, 1, 1, 0, 0]
    cpu = key("role_cpu_seconds_total", **labels(), role="peers")
    assert [second[cpu] for second in seconds[:5]] == [0, 0.1, 0.2, 0.3, 0.4]
    playing = key("step_playing", **labels())
    assert [second[playing] for second in seconds] == [1, 1, 1, 1, 1, 1, 0]
    assert [key("step_efficiency_ratio", **labels()) in second for second in seconds] == [False] * 6 + [True]
    assert seconds[6][key("transfer_duration_seconds_bucket", **labels(), le="4.0")] == 2


def test_what_samples_of_earlier_versions_lack_is_not_exported(tmp_path):
    """Context switches and bytes on the links: there are series where they are on record, and else none."""
    path = played(tmp_path / "run", repeats=2)
    lines = [msgspec.json.decode(line) for line in (path / "samples.jsonl").read_bytes().splitlines()]
    for line in lines:
        for name in ("waits", "preemptions", "link_bytes"):
            del line[name]
        if line["repeat"]:
            line |= {"waits": int(10 * line["at_s"]), "preemptions": 1, "link_bytes": 1000}
    (path / "samples.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(lines))
    told = exported(path)
    waits = [key("role_context_switches_total", **labels(each), role="peers", kind="voluntary") for each in (0, 1)]
    links = [key("link_bytes_total", **labels(each)) for each in (0, 1)]
    assert [told[BEGAN + 20 + second].get(waits[1]) for second in range(4)] == [None, 10, 20, 30]
    assert told[BEGAN + 22][links[1]] == 1000
    assert not any({waits[0], links[0]} & samples.keys() for samples in told.values())


def test_a_finished_step_is_told_of_until_the_runs_end(tmp_path):
    """Less often, but never so seldom that Prometheus takes it for gone after five minutes."""
    told = exported(played(tmp_path / "run", began=(BEGAN, BEGAN + 1000)))
    source = key("transferred_bytes_total", **labels(), source="peers")
    moments = [moment for moment, samples in told.items() if source in samples]
    assert max(later - earlier for earlier, later in pairwise(moments)) <= 240
    assert moments[-1] == max(told) and told[moments[-1]][source] == 12 * MIB
    info = key("run_info", run="run", scenario="flash-crowd", variant=variant(SMALL), lab="namespace")
    assert info in told[BEGAN] and info in told[moments[-1]]


def test_a_run_that_was_continued_another_day_is_not_told_of_in_between(tmp_path):
    """Nobody would have served it then."""
    told = exported(played(tmp_path / "run", began=(BEGAN, BEGAN + 86_400)))
    assert [moment for moment in told if BEGAN + 10 < moment < BEGAN + 86_400] == []
    assert key("step_valid", **labels(1)) in told[max(told)]


def test_a_failed_transfer_ends_with_its_step(tmp_path):
    """As no record says when it was given up."""
    told = exported(played(tmp_path / "run"))
    failed = key("transfers_total", **labels(1), outcome="failed")
    assert [told[BEGAN + 20 + second][failed] for second in (0, 3, 4)] == [0, 0, 1]


@pytest.mark.parametrize(("began", "laid_out"), [((), 2), ((BEGAN,), 1)])
def test_steps_without_a_time_of_day_are_laid_out_one_after_the_other(tmp_path, capsys, began, laid_out):
    """As earlier versions recorded them, before the last was written; a person is told so."""
    path = played(tmp_path / "run", began=began)
    os.utime(path / "transfers.jsonl", (BEGAN, BEGAN))
    assert perform(["export", str(path), "--out", str(tmp_path / "text")]) == 0
    assert re.match(
        rf"swarmbench: {laid_out} steps were recorded without .* one after the other\n$", capsys.readouterr().err
    )
    told = moments_of((tmp_path / "text").read_text())
    first, second = (
        min(moment for moment, samples in told.items() if key("step_playing", **labels(repeat)) in samples)
        for repeat in (0, 1)
    )
    if began:
        assert (first, second) == (BEGAN, BEGAN - 4.0 - 5.0), "before the one that is known"
    else:
        assert (second, first) == (BEGAN - 4.0, BEGAN - 4.0 - 5.0 - 4.5)


def test_lookups_are_exported_too(tmp_path):
    """By rarity, each when it ended."""
    scenario = replace(SCENARIO_OF_LOOKUPS, contenders=("swarm-dht",))
    directory = store.create(tmp_path / "run", scenario)
    directory.write_environment(ENVIRONMENT)
    directory.append_beginning(Step("swarm-dht", 16, 0), BEGAN)
    directory.append_lookups([lookup(intended_s=at / 2, done_s=at / 2 + 0.1) for at in range(40)], [], [])
    directory.write_summary(summary_of_lookups([lookup_row("swarm-dht", 16)]))
    told = exported(tmp_path / "run")
    of_step = labels() | {"scenario": "lookup", "variant": variant(scenario), "contender": "swarm-dht", "peers": 16}
    found = key("lookups_total", **of_step, outcome="found", rarity="over 10%")
    assert [told[BEGAN + second].get(found) for second in (0, 1, 10, 20)] == [None, 2, 20, 40]


def test_a_run_may_be_called_anything(tmp_path):
    """Its name is a label."""
    name = 'my "best"\\run\n'
    told = exported(played(tmp_path / name))
    assert key("step_valid", **labels(run=name)) in told[max(told)]


def test_promtool_makes_blocks_of_it(tmp_path, capsys):
    """And the command says what to start on them; a directory that has some already is left alone."""
    require_tool("promtool", "prometheus")
    path = played(tmp_path / "run")
    assert perform(["backfill", str(path)]) == 0
    first, command = capsys.readouterr().out.splitlines()
    assert re.match(r"\d+ samples from 2023-11-1\d .* are in .*/run/prometheus; show them with:$", first)
    assert "--storage.tsdb.retention.time=10y" in command and str(path / "prometheus") in command
    assert [len(list(block.glob("index"))) for block in (path / "prometheus").iterdir()] == [1]
    assert perform(["backfill", str(path)]) == 2
    assert re.match(r"swarmbench: .*/prometheus: is not an empty directory; .* --into\n$", capsys.readouterr().err)


def test_without_promtool_the_command_that_installs_it_is_told(tmp_path, capsys, monkeypatch):
    """Before anything is written."""
    path = played(tmp_path / "run")
    monkeypatch.setenv("PATH", "/nowhere")
    assert perform(["backfill", str(path)]) == 1
    assert re.match(r"swarmbench: promtool.* install it with: apt-get install prometheus\n$", capsys.readouterr().err)
    assert not (path / "prometheus").exists()


@pytest.mark.parametrize("command", ["export", "backfill"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: (path / "scenario.toml").unlink(), "not a run directory"),
        (lambda path: (path / "summary.json").unlink(), "there is no summary.json; make it with: swarmbench report"),
        (lambda path: (path / "transfers.jsonl").unlink(), "0 of 2 steps are on record; .* --resume"),
        (lambda path: (path / "steps.jsonl").write_text("no\nno\n"), "steps.jsonl: line 1 is not a beginning"),
    ],
)
def test_a_run_that_cannot_be_told_is_one_line(tmp_path, capsys, command, spoil, message):
    """What is missing, and what to do."""
    path = played(tmp_path / "run")
    spoil(path)
    assert perform([command, str(path)]) in (1, 2)
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1
    assert re.match(f"swarmbench: .*{message}", told.err)


@pytest.mark.parametrize("arguments", [["export", "--out", "no/where"], ["backfill", "--into", "file/below"]])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capsys, monkeypatch, arguments):
    """With the option that chooses another."""
    require_tool("promtool", "prometheus")
    played(tmp_path / "run")
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    assert perform([arguments[0], "run", *arguments[1:]]) == 1
    assert re.match(rf"swarmbench: .* choose another with {arguments[1]}\n$", capsys.readouterr().err)


def test_the_text_can_go_into_a_pipe_that_closes_early(tmp_path):
    """As `head` does."""
    path = played(tmp_path / "run")
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{sys.executable}' -m harness export '{path}' | head -1"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("# HELP swarmbench_run_info") and done.stderr == ""
