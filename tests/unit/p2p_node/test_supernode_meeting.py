"""When a supernode says that it is in the mesh: whoever starts several waits for that before leaves come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from serving import stop

FIRST, SECOND = "127.0.8.31", "127.0.8.32"
COMMAND = (sys.executable, "-m", "p2p_node", "supernode", "--port", "6971")


@contextmanager
def supernode(*options: str) -> Iterator[subprocess.Popen[str]]:
    """One that listens."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
            yield process
        finally:
            stop(process)


def test_one_that_came_too_early_says_so_once_the_other_is_there() -> None:
    """Its first ping was lost, as the other did not listen yet; until another reaches it the two know nothing of each
    other's leaves."""
    with supernode("--address", SECOND, "--peer", f"{FIRST}:6971") as early, supernode("--address", FIRST) as late:
        for process in (late, early):
            assert process.stdout is not None
            assert process.stdout.readline() == "in the mesh\n"
