"""The rules that keep the house in order, where a tool or a count can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "p2p_node", "baseline_server", "dashboards")
LONGEST = 400


def modules():
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_follow_the_contracts():
    """Those in pyproject.toml, as import-linter reads them."""
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-2000:]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_says_what_it_is(path):
    """One that outgrows its bound hides a second noun; one without a docstring hides its rule."""
    lines = path.read_text().splitlines()
    assert len(lines) <= LONGEST
    assert lines[0].startswith('"""')


def test_the_story_is_told_in_order():
    """run.py opens with the stages, and they are the layers of the house."""
    story = (ROOT / "harness" / "run.py").read_text().splitlines()[0]
    stages = ["scenario", "lab", "contenders", "demand", "metrics", "results", "analysis", "report"]
    assert [word.strip(' ."') for word in story.partition(":")[2].split("→")] == stages


def test_a_command_that_draws_nothing_does_not_wait_for_what_draws():
    """Which would take as long to import as all the rest."""
    command = [sys.executable, "-c", "import sys, harness.cli; print(*sys.modules)"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0
    assert not {"altair", "vl_convert"} & set(told.stdout.split())
