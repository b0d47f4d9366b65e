"""A history of gates: what is told of it, and what Apache Otava is asked and answers."""

from __future__ import annotations

import asyncio
import sys

import pytest
from rich.console import Console

from harness.cli import perform
from harness.errors import SwarmbenchError, UsageError
from harness.gate.change_points import change_points
from harness.gate.history import print_history, read_history, series_of, write_history_picture
from harness.gate.record import FigureRecord, GateRecord
from harness.results.files import append_lines


def record(day: int, goodput: float, machine: str = "a machine", outcome: str = "pass") -> GateRecord:
    figure = FigureRecord("speed", "http", "goodput", outcome, "fell", [0.0], [(0.0, 0.0)], [0.5], 1e9, goodput)
    head = f"{day:040x}"
    return GateRecord(1, f"2026-01-{day:02}T00:00:00Z", "a" * 40, head, machine, outcome, 20, 1, [figure])


RECORDS = [record(day, 1e9 if day < 6 else 8e8) for day in range(1, 11)]


def answering(tmp_path, answer: str) -> str:
    """A program in Otava's place that keeps what it was given, and answers as that does."""
    program = tmp_path / "otava"
    keep = f"cp $(dirname $OTAVA_CONFIG)/0.csv {tmp_path}/asked.csv"
    program.write_text(f"#!/bin/sh\n{keep}\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(0o755)
    return str(program)


def test_a_gate_appended_is_a_gate_read(tmp_path):
    """A history is what `--append` has written; an empty or missing one is one line."""
    path = tmp_path / "history.jsonl"
    with pytest.raises(UsageError, match="no such history; gates make one with"):
        read_history(path)
    path.touch()
    with pytest.raises(UsageError, match="holds no gate yet"):
        read_history(path)
    append_lines(path, RECORDS)
    assert read_history(path) == RECORDS


def test_machines_are_followed_apart():
    """Absolute speeds move from one to the other."""
    series = series_of([*RECORDS, record(11, 5e8, "another machine")])
    assert [(each.machine, len(each.points)) for each in series] == [("a machine", 10), ("another machine", 1)]


def test_the_table_names_what_did_not_pass():
    """With its reason; revisions are short."""
    console = Console(width=160)
    with console.capture() as captured:
        print_history([RECORDS[0], record(2, 8e8, outcome="regression")], console)
    passed, fell = [line for line in captured.get().splitlines() if "2026-01" in line]
    assert "speed · http · goodput: fell" in fell
    assert "goodput" not in passed and "a" * 13 not in passed


def test_the_picture_is_a_png(tmp_path):
    """A panel a figure."""
    write_history_picture(series_of(RECORDS), [], tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")


def test_without_otava_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    """And shows the rest all the same; a file that is none is one line, exit code 1."""
    monkeypatch.setenv("PATH", str(tmp_path))
    append_lines(tmp_path / "history.jsonl", RECORDS)
    assert perform(["history", str(tmp_path / "history.jsonl")]) == 0
    told = capsys.readouterr().out
    assert "2026-01-10" in told
    assert "Apache Otava is missing; install it with: pipx install apache-otava" in told
    (tmp_path / "history.jsonl").write_text("hello\nworld\n")
    assert perform(["history", str(tmp_path / "history.jsonl")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_change_points_are_otavas(tmp_path):
    """It is given each long enough course, gate by gate, and its answer names the gate where the new level began."""
    answer = (
        '{"series-0": [{"time": 1767657600, "attributes": {"gate": "5"}, "changes": [{"metric": "figure", "index": 5, '
        '"mean_before": "1000000000.0", "mean_after": "800000000.0", "pvalue": "0.000000"}]}]}'
    )
    program = answering(tmp_path, answer)
    [change] = asyncio.run(change_points(series_of(RECORDS), program))
    assert (change.revision, change.at) == (f"{6:040x}", "2026-01-06T00:00:00Z")
    assert change.change == pytest.approx(-0.2)
    asked = (tmp_path / "asked.csv").read_text().splitlines()
    assert asked[:2] == ["time\tgate\tfigure", "1767225600\t0\t1000000000.0"]
    assert len(asked) == 11
    assert asyncio.run(change_points(series_of(RECORDS[:3]), program)) == []


@pytest.mark.parametrize("answer", ["not JSON", '{"other": []}', '{"series-0": [{"attributes": {}}]}'])
def test_an_answer_that_nobody_understands_is_one_line(tmp_path, answer):
    """Another version may speak otherwise."""
    with pytest.raises(SwarmbenchError, match="says what nobody understands"):
        asyncio.run(change_points(series_of(RECORDS), answering(tmp_path, answer)))


def test_a_program_that_fails_is_one_line():
    """With its last words."""
    with pytest.raises(SwarmbenchError, match="exit code"):
        asyncio.run(change_points(series_of(RECORDS), sys.executable))
