"""The documentation: every command in it works, and every link in it leads somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from random import randrange

import pytest
from conftest import require_tool

from p2p_node.__main__ import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")

NEEDED = {"swarmbench backfill": ("promtool", "prometheus")}
"""What commands need besides what `make setup` installs: a program, and its package."""


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
    """What the docs tell to run ends well, from an empty directory, in one shell, in the order of the page; what they
    leave in the background still runs at the end."""
    for command in block:
        for words, tool in NEEDED.items():
            if command.startswith(words):
                require_tool(*tool)
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    host = f"127.{randrange(1, 255)}.{randrange(256)}.{randrange(1, 255)}"  # the ports may be taken on 127.0.0.1
    commands = [command.replace("127.0.0.1", host) for command in block if not is_make(command)]
    running = sum(command.endswith("&") for command in commands)
    script = "\n".join(
        ["set -ex", "trap 'kill $(jobs -p) || true; wait' EXIT", *commands, f"[ $(jobs -rp | wc -l) = {running} ]"]
    )
    told = tmp_path / "told"
    with told.open("w") as output:  # no pipe, which whoever is left in the background would hold open
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, stdout=output, stderr=output)
    assert done.returncode == 0, told.read_text()[-2000:]


def test_every_command_of_the_node_is_in_the_docs() -> None:
    """So that whatever is told of it is run, too. Fleets are driven by the harness."""
    told = " ".join(command for block in blocks() for command in block)
    assert [name for name in cli.commands if f"p2p-node {name}" not in told] == ["fleet", "nodes"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to files of the repository are not broken."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
