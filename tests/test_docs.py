"""The documentation: every command in it works, and every link in it leads somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def blocks() -> list[list[str]]:
    texts = [block for page in PAGES for block in BLOCK.findall(page.read_text())]
    return [[line.split("  #")[0].strip() for line in text.splitlines() if line.strip()] for text in texts]


def is_make(command: str) -> bool:
    return command.startswith("make ")


@pytest.mark.parametrize("command", sorted({line for block in blocks() for line in block if is_make(line)}))
def test_every_make_command_names_a_target(command: str) -> None:
    """What the docs tell to make can be made."""
    done = subprocess.run(["make", "--dry-run", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block[0])
def test_the_commands_of_a_block_run_one_after_the_other(block: list[str], tmp_path: Path) -> None:
    """What the docs tell to run ends well, from an empty directory, in the order of the page."""
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for command in block:
        if not is_make(command):
            done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to files of the repository are not broken."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
