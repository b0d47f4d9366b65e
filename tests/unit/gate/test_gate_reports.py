"""The verdict on paper: each reader gets all of it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from rich.console import Console

from harness.gate.measuring import PairRecord
from harness.gate.record import FigureRecord, GateRecord
from harness.gate.reports import junit, markdown, print_gate, write_picture

RECORD = GateRecord(
    schema=1,
    at="2026-01-01T00:00:00Z",
    base="a" * 40,
    head="b" * 40,
    machine="a machine",
    outcome="regression",
    pairs=20,
    batches=2,
    figures=[
        FigureRecord("speed", "http", "goodput", "pass", "+1.0%", [0.01], [(-0.01, 0.03)], [0.7]),
        FigureRecord(
            "speed", "swarm", "goodput", "regression", "fell by 20.0%", [-0.2] * 2, [(-0.25, -0.15)] * 2, [0.001] * 2
        ),
        FigureRecord("speed", "swarm", "gib_per_cpu_s", "inconclusive", "pairs scatter", [0.0], [(-0.3, 0.3)], [0.5]),
        FigureRecord("speed", "swarm", "wasted", "pass", "0.1% | of all", [], [], []),
    ],
)


def test_junit_counts_failures_and_skips():
    """A CI server shows a regression as failed, and what cannot be told as skipped."""
    suite = ElementTree.fromstring(junit(RECORD))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    [failed] = [case for case in suite if case.find("failure") is not None]
    assert failed.get("name") == "swarm goodput"


def test_markdown_is_one_table():
    """With as many cells in every row, whatever a reason contains."""
    text = markdown(RECORD)
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(RECORD.figures)
    assert len({row.count("|") for row in rows}) == 1
    assert text.startswith("### swarmbench gate: Regression")


def test_the_terminal_shows_every_figure(capsys):
    """And the verdict last."""
    console = Console(width=160)
    with console.capture() as captured:
        print_gate(RECORD, console)
    lines = captured.get().splitlines()
    assert lines[-1].strip() == "Regression"
    assert sum("swarm" in line or "http" in line for line in lines) == len(RECORD.figures)


def test_the_picture_is_a_png(tmp_path):
    """Of all pairs; counters that are nought have no ratio."""
    pairs = [PairRecord(1, n, "speed", "http", "goodput", 1.0, 1.0 + n / 100, "base") for n in range(20)]
    pairs.append(PairRecord(1, 1, "speed", "http", "wasted", 0.0, 0.0, "head"))
    write_picture(pairs, tmp_path / "gate.png")
    assert (tmp_path / "gate.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("outcome", ["pass", "inconclusive", "regression"])
def test_every_outcome_has_its_words(outcome):
    """Nobody has to read a table to know."""
    assert markdown(
        RECORD.__class__(**{field: getattr(RECORD, field) for field in RECORD.__struct_fields__} | {"outcome": outcome})
    )
