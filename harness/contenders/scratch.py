"""Room for a run's files: payload in memory where it fits, sockets under a short path, and nothing left behind.

A run that is killed cannot clean up; the next one does it. Each scratch directory is locked as long as its run lives,
so an unlocked one is a dead run's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SwarmbenchError
from harness.scenarios.units import format_size

PREFIX = "swarmbench-"

MEMORY = Path("/dev/shm")

SHORT = Path("/tmp")
"""Where sockets lie unless XDG_RUNTIME_DIR is short, too: the kernel allows 107 bytes for a socket's path."""

LONGEST_PARENT = 60

JUST_MADE_S = 1.0
"""A directory this young may not be locked yet."""

RESERVE = 64 * 2**20
"""Left free, for whoever else uses the machine."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Two directories of one run: `payload` for the item and downloads, `sockets` with a short path."""

    payload: Path
    sockets: Path


@contextmanager
def scratch(needed: int) -> Iterator[Scratch]:
    """Directories with room for `needed` bytes, removed at the end; raises SwarmbenchError when no place has it."""
    for parent in {MEMORY, Path(tempfile.gettempdir()), _short_parent()}:
        _remove_stale(parent)
    with _directory(_roomy_parent(needed)) as payload, _directory(_short_parent()) as sockets:
        yield Scratch(payload, sockets)


def _roomy_parent(needed: int) -> Path:
    places = [place for place in (MEMORY, Path(tempfile.gettempdir())) if os.access(place, os.W_OK)]
    free = {place: shutil.disk_usage(place).free for place in places}
    for place in places:
        if free[place] >= needed + RESERVE:
            return place
    rooms = ", ".join(f"{place} has {format_size(room)}" for place, room in free.items())
    raise SwarmbenchError(
        f"not enough room for the downloads: {format_size(needed + RESERVE)} needed, "
        f"{rooms or 'no place is writable'}; point TMPDIR at a larger disk, or lower content.size or peers"
    )


def _short_parent() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = runtime and len(runtime) <= LONGEST_PARENT and os.access(runtime, os.W_OK)
    return Path(runtime) if usable else SHORT


@contextmanager
def _directory(parent: Path) -> Iterator[Path]:
    try:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        raise SwarmbenchError(f"{parent}: no scratch directory can be made there ({error.strerror})") from error
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _remove_stale(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = path.stat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < JUST_MADE_S:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
