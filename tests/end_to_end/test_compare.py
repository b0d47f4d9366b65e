"""`swarmbench compare`, on runs that were really made."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import QUICK, Swarmbench

RUN = (*QUICK, "--contenders", "http", "--no-report")


@pytest.fixture
def swarmbench(tmp_path: Path) -> Swarmbench:
    return Swarmbench(tmp_path)


def test_two_runs_are_compared_and_unlike_ones_refused(swarmbench: Swarmbench) -> None:
    """A table with a verdict a row; exit code 2 and one line for another scenario, until one insists."""
    for out, seed in (("a", "1"), ("b", "2")):
        told = swarmbench(*RUN, "--peers", "1", "--seed", seed, "--out", out)
        assert told.returncode == 0, told.stderr
    told = swarmbench("compare", "a", "b")
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
    assert "seed differs" in told.stderr
    told = swarmbench("compare", "a", "b", "--force")
    assert told.returncode == 0, told.stderr
    assert "s until the last is done" in told.stdout and "CPU-s a GiB" in told.stdout


def test_what_is_no_run_is_refused(swarmbench: Swarmbench) -> None:
    """One line, exit code 2."""
    told = swarmbench("compare", ".", "nowhere")
    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
