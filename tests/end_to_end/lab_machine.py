"""What the tests of labs ask of this machine: namespaces, other users, and what is left of a dead harness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import STRICT

from harness.labs import catalogue

DRIVER = Path(__file__).with_name("lab_driver.py")
REPOSITORY = DRIVER.parents[2]
MARK = "SWARMBENCH_TEST_RUN"

AS_NOBODY = """
set -e
mount --bind "$BASE" "$ROOM/python"
mount --bind "$SITE" "$ROOM/site"
mount --bind "$REPOSITORY" "$ROOM/repository"
export PYTHONPATH="$ROOM/repository:$ROOM/site" LD_LIBRARY_PATH="$ROOM/python/lib" TMPDIR=/tmp HOME=/nonexistent
driver="$ROOM/repository${1#"$REPOSITORY"}"; shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$ROOM/python/bin/$PYTHON" "$driver" "$@"
"""
"""Runs Python as a user without any right, who may not be able to read where Python and this clone are."""


def require_namespaces() -> None:
    """Skip the test where the kernel has no namespaces (fail under CI_STRICT)."""
    available = next(row.availability for row in catalogue.rows() if row.name == "namespace")
    if not available.usable:
        (pytest.fail if STRICT else pytest.skip)(available.reason)


class Drivers:
    """Runs `lab_driver.py` so that everything it starts, however far removed, can be found again by a mark."""

    def __init__(self) -> None:
        self.mark = f"{MARK}={uuid.uuid4().hex}"

    def start(self, *arguments: str, prefix: Sequence[str] = (sys.executable,)) -> subprocess.Popen[str]:
        name, value = self.mark.split("=")
        return subprocess.Popen(
            [*prefix, str(DRIVER), *arguments],
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, prefix: Sequence[str] = (sys.executable,)) -> Any:
        """The last line of a driver that ends by itself."""
        output, _ = self.start(*arguments, prefix=prefix).communicate(timeout=60)
        try:
            return json.loads(output.splitlines()[-1])
        except (ValueError, IndexError):
            pytest.fail(f"the driver said: {output}")

    def left_after(self, seconds: float) -> list[str]:
        """Command lines of what is still there of the drivers after at most so many seconds."""
        deadline = time.monotonic() + seconds
        mark = self.mark.encode()
        while left := _processes_where(lambda process: mark in (process / "environ").read_bytes().split(b"\0")):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return left


def users_of(namespace: str) -> list[str]:
    """Processes whose network namespace is this one."""
    return _processes_where(lambda process: str((process / "ns/net").readlink()) == namespace)


def processes_named(mark: str) -> list[str]:
    """Processes with this word in their command line."""
    return _processes_where(lambda process: mark in (process / "cmdline").read_text())


def _processes_where(holds: Callable[[Path], bool]) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            if holds(process):
                found.append((process / "cmdline").read_text().replace("\0", " ") or process.name)
    return found


@contextmanager
def ordinary_user() -> Iterator[Sequence[str]]:
    """A command prefix that runs a Python file of this repository as an ordinary user."""
    if os.geteuid() != 0:
        yield (sys.executable,)
        return
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        room = Path(name)
        room.chmod(0o755)
        for directory in ("python", "site", "repository"):
            (room / directory).mkdir()
        settings = {
            "ROOM": name,
            "BASE": sys.base_prefix,
            "SITE": sysconfig.get_path("purelib"),
            "REPOSITORY": str(REPOSITORY),
            "PYTHON": f"python{sys.version_info.major}.{sys.version_info.minor}",
        }
        assignments = [f"{key}={value}" for key, value in settings.items()]
        yield ("unshare", "--mount", "--", "env", *assignments, "sh", "-c", AS_NOBODY, "sh")
