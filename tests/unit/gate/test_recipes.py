"""The recipes for CI: their commands are commands, and their verdicts those of the gate."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness.gate.commands import gate_command

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "gate.yml").read_text()
[SHELL] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)


def test_every_option_of_every_gate_is_one():
    """In the page and in the workflow; `make gate` is tried where the docs are."""
    known = {option for parameter in gate_command.params for option in parameter.opts} | {"--help"}
    commands = re.findall(r"swarmbench gate [^`\n]*", PAGE + WORKFLOW)
    assert len(commands) >= 6
    for command in commands:
        assert set(re.findall(r"(?<= )--[a-z-]+", command)) <= known, command


@pytest.mark.parametrize(("verdict", "code"), [(0, 0), (4, 0), (3, 3), (1, 1)])
def test_the_shell_recipe_fails_for_regressions_and_errors_alone(tmp_path, verdict, code):
    """A machine that cannot tell blocks nobody; the program here does nothing but end."""
    for name, program in (("make", "exit 0"), ("git", "echo 0123abc"), (".venv/bin/swarmbench", f"exit {verdict}")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "gate.md").write_text("a table")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", SHELL], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("a table" in done.stdout) == (verdict in (1, 3))


def test_the_steps_of_the_workflow_are_shell():
    """Every script of it is well formed, as the runner's shell would read it."""
    scripts = re.findall(r"run: \|\n((?: {10,}.*\n|\n)+)", WORKFLOW)
    assert len(scripts) == 4
    for script in scripts:
        plain = re.sub(r"\$\{\{.*?\}\}", "value", script)
        done = subprocess.run(["bash", "-n"], input=plain, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
