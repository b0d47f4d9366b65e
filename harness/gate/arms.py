"""Arms: the two sides of a gate, each a harness that can be run and what it is given to run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageError
from harness.scenarios.model import OwnContender
from harness.scenarios.reading import read_own

HERE = Path(__file__).parents[2]
"""The tree of the harness that runs the gate."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of the comparison: what it is called, the tree of its harness, the interpreter with what that needs, and
    where, with which further arguments and with which environment variables a run is started."""

    name: str
    revision: str
    tree: Path
    python: Path
    directory: Path
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """How this arm's own harness is run; to be started in `directory` with `environment`."""
        return [str(self.python), "-P", "-m", "harness", *arguments]

    def run(self, *arguments: str) -> list[str]:
        """The command that runs a scenario."""
        return [*self.command("run"), *arguments, *self.arguments]

    @property
    def environment(self) -> dict[str, str]:
        """This arm's packages come before whatever is installed; `-P` keeps out what lies in the directory."""
        return {**os.environ, "PYTHONPATH": str(self.tree), **self.variables}


def own_arms(base: Path, head: Path, python: Path) -> tuple[Arm, Arm]:
    """Both arms of a gate on contenders brought along, run by this harness where it was started."""
    arms = [
        Arm(name, str(file), HERE, python, Path.cwd(), ("--contenders-file", str(file.resolve())))
        for name, file in (("base", base), ("head", head))
    ]
    return arms[0], arms[1]


def own_contenders(base: Path, head: Path) -> Sequence[OwnContender]:
    """The contenders of both files, which have to be the same by name; raises UsageError."""
    before, after = read_own(base), read_own(head)
    if {each.name for each in before} != {each.name for each in after}:
        names = ", ".join(sorted(each.name for each in before))
        raise UsageError(f"{head}: must define the same contenders as {base}: {names}")
    return after
