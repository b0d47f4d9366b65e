"""What the machine lacks, as the doctor finds it."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from harness import doctor
from harness.cli import commands
from harness.labs import catalogue as labs
from harness.labs.base import Availability
from harness.labs.namespace.lab import NamespaceLab


def test_every_feature_is_told_and_nothing_that_is_missing_is_a_failure() -> None:
    """Exit code 0, a line for each lab and contender, and what to do for each that does not work."""
    told = CliRunner().invoke(commands, ["doctor"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    for feature in ("namespace lab", "loopback lab", "links with delay and loss", "contender swarm", "browser tests"):
        assert feature in told.output
    assert re.search(r"\d+ of \d+ features work here", told.output)


def test_a_missing_program_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with no program at all each has one."""
    monkeypatch.setattr(labs, "rows", list)
    monkeypatch.setattr(NamespaceLab, "availability", lambda: Availability(False, "no unshare"))
    monkeypatch.setattr(doctor, "SBIN", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    found = doctor.examine()
    lacking = {each.feature: each for each in found if not each.works and "is missing" in each.told}
    assert {"browser tests of the report", "contender aria2"} <= lacking.keys()
    assert "links with delay and loss" in {each.feature for each in found if not each.works}
    for each in lacking.values():
        assert re.search(r"install it with: (apt-get install|pip install) ", each.told), each
