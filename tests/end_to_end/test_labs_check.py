"""`swarmbench labs --check`, as a person runs it."""

from __future__ import annotations

from pathlib import Path

from running import Swarmbench


def test_the_links_of_a_lab_are_shown_with_what_was_expected(tmp_path: Path) -> None:
    """One table, a line a figure, and a verdict that agrees with the exit code."""
    told = Swarmbench(tmp_path)("labs", "--check", "--lab", "loopback", "--set", "links.server.up=16mbit")
    assert "16 Mbit/s" in told.stdout and "while receiving" in told.stdout
    good = "every link is within 5% of what is expected" in told.stdout
    assert told.returncode == (0 if good else 1)
    assert len(told.stderr.splitlines()) == (0 if good else 1)


def test_links_that_are_not_links_are_refused(tmp_path: Path) -> None:
    """A mistyped key, or a lab nobody knows, is one line and exit code 2."""
    for wrong in (("--set", "links.sever.up=1mbit"), ("--lab", "loopbak")):
        told = Swarmbench(tmp_path)("labs", "--check", *wrong)
        assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
