"""The table and verdict, as text."""

from __future__ import annotations

from io import StringIO

import pytest
from records import row, summary
from rich.console import Console

from harness.reports.terminal import print_summary

ROWS = [
    *(row("http", n, 1.8 * n, repeat=repeat) for n in (1, 32) for repeat in (0, 1)),
    *(row("swarm", n, 1.9 + n / 5, repeat=repeat) for n in (1, 32) for repeat in (0, 1)),
]


def printed(rows, *, complete=True, **console) -> str:
    out = StringIO()
    print_summary(summary(rows, complete=complete), Console(file=out, **console))
    return out.getvalue()


def test_every_point_has_a_line_with_its_figures():
    """32 peers of http: 64 of 64 done in two repeats, 57.6 s, 90 % of the limit."""
    [line] = [line for line in printed(ROWS, width=110).splitlines() if line.split()[:2] == ["32", "http"]]
    assert " ".join(line.split()) == "32 http 64/64 57.6 46.1 51.8 90.0 37.3 256 0.0 0 0.30 1.10 yes"


@pytest.mark.parametrize("width", [72, 80, 100, 120])
def test_the_table_fits_its_terminal(width):
    """Narrow ones get fewer columns, and no figure is cut."""
    text = printed(ROWS, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text


def test_the_verdict_stands_below():
    """It is the last thing one reads."""
    assert "at 32 peers the swarm finishes" in " ".join(printed(ROWS, width=110).split()).split("valid", 1)[1]


def test_an_invalid_point_is_struck_through_and_explained():
    """On a terminal by strike-through, everywhere by its reason."""
    rows = [row("http", 4, 8.0, invalid="the machine was saturated")]
    assert "invalid  http at 4: the machine was saturated" in printed(rows, width=110)
    assert "\x1b[2;9m" in printed(rows, width=110, force_terminal=True)


def test_a_redirected_table_has_all_its_columns():
    """A file has no width that could be too small."""
    assert "CPU/GiB" in printed(ROWS, width=110)


def test_what_a_contender_says_cannot_steer_the_terminal():
    """Escape sequences in an error message are defused, and markup is taken literally."""
    text = printed([row("http", 4, None, invalid="[red]\x1b[2Jboom")], width=110, force_terminal=True)
    assert "\x1b[2J" not in text
    assert "[red]" in text


def test_an_incomplete_run_says_so():
    """Rows may be missing."""
    assert "The run is not complete" in printed(ROWS, complete=False, width=110)
    assert "The run is not complete" not in printed(ROWS, width=110)


def test_nothing_measured_prints_without_failing():
    """An empty table and a verdict."""
    assert "Nothing has been measured yet." in printed([], width=110)
