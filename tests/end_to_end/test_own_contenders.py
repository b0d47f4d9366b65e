"""Systems that a person brings along, in a real run: one that works, and two that do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import require_tool
from running import QUICK, Swarmbench

MINE = """
[contender.mine]
serve = "{python} -m http.server {{port}} --bind {{address}} --directory {{directory}}"
fetch = "curl -sSf --interface {{address}} -o {{out}} {{url}}"
[contender.deaf]
serve = "sh -c 'echo no port for me; exit 4'"
fetch = "cp {{url}} {{out}}"
[contender.liar]
serve = "{python} -m http.server {{port}} --bind {{address}} --directory /proc/self"
fetch = "curl -sSf -o {{out}} http://{{server}}:{{port}}/status"
"""
RUN = (*QUICK, "--peers", "2", "--no-report")


@pytest.fixture
def swarmbench(tmp_path: Path) -> Swarmbench:
    (tmp_path / "mine.toml").write_text(MINE.format(python=sys.executable))
    return Swarmbench(tmp_path)


def test_what_works_is_measured_and_what_does_not_fails_its_row_only(swarmbench: Swarmbench) -> None:
    """The same contract for all: verified bytes, or failed transfers with the reason."""
    require_tool("curl", "curl")
    told = swarmbench(*RUN, "--contenders-file", "mine.toml", "--contenders", "mine,deaf,liar", "--out", swarmbench.out)
    assert told.returncode == 0, told.stderr
    rows = {row["contender"]: row for row in swarmbench.rows()}
    assert rows["mine"]["valid"] and rows["mine"]["origin_bytes"] == 2 * 2**20
    assert "exit code 4; its last words: no port for me" in rows["deaf"]["invalid_reason"]
    assert "wrong content" in rows["liar"]["invalid_reason"]
    assert swarmbench("report", swarmbench.out).returncode == 0


def test_a_missing_program_is_named_before_anything_starts(swarmbench: Swarmbench) -> None:
    """With the command that installs it; exit code 2."""
    file = swarmbench.directory / "other.toml"
    file.write_text('[contender.mine]\nserve = "no-such {port}"\nfetch = "x {out}"\ninstall = "apt-get install such"\n')
    told = swarmbench(*RUN, "--contenders-file", file, "--contenders", "mine", "--out", swarmbench.out)
    assert told.returncode == 2
    assert "no-such is missing; install it with: apt-get install such" in told.stderr
