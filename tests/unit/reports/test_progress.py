"""The time left, and what a run shows of itself."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from harness.reports.progress import FIRST_GUESS, Pace, RunProgress


def test_before_the_start_everything_is_left():
    """Expected times, with something for deploying."""
    assert Pace({"a": 10, "b": 20}).left() == pytest.approx(30 * FIRST_GUESS)


def test_the_pace_is_learned_from_finished_steps():
    """10 s of bound took 15 s, so 20 will take 30."""
    pace = Pace({"a": 10, "b": 20})
    pace.start("a", 100)
    assert pace.finish(115) == 15
    assert pace.left() == pytest.approx(30)


def test_a_step_under_way_counts_by_what_is_left_of_it():
    """Half of 20 s at the pace of 1.5."""
    pace = Pace({"a": 10, "b": 20})
    pace.start("a", 100)
    pace.finish(115)
    pace.start("b", 115)
    pace.progress(0.5)
    assert pace.left() == pytest.approx(15)


def test_nothing_is_left_at_the_end():
    """Also when a step was not announced."""
    pace = Pace({"a": 10})
    for label in ("a", "unannounced"):
        pace.start(label, 0)
        pace.finish(5)
    assert pace.left() == 0


def play(console: Console) -> None:
    ticks = iter(range(0, 1000, 3))
    with RunProgress([("http, 1 peer", 2.0), ("swarm, 1 peer", 2.0)], console, clock=lambda: next(ticks)) as progress:
        progress.step_started("http, 1 peer")
        progress.step_progress(0.5, "4 of 8 MiB")
        progress.step_done("http, 1 peer")
        progress.step_started("swarm, 1 peer")
        progress.step_done("swarm, 1 peer", "invalid: saturated")


def test_a_log_gets_one_plain_line_for_each_finished_step():
    """No bars, no control characters."""
    out = StringIO()
    play(Console(file=out, width=100))
    assert out.getvalue().splitlines() == ["1/2  http, 1 peer  3.0 s", "2/2  swarm, 1 peer  3.0 s  invalid: saturated"]


def test_a_terminal_sees_the_step_and_the_time_left():
    """And keeps only what is worth noticing."""
    out = StringIO()
    play(Console(file=out, width=120, force_terminal=True, color_system=None))
    assert "swarm, 1 peer" in out.getvalue()
    assert "0:03 left" in out.getvalue()
    assert "invalid: saturated" in out.getvalue()
