"""Where a peer's file will lie: an empty directory, or one that holds a file of its name and size, all zeros.

A file in memory is written over at a fifth of what its first writing costs, so prewritten files are used again from
step to step.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.contenders.base import Item
from harness.results.files import writing

ZEROS = bytes(1 << 20)


def prepare(directory: Path, item: Item, *, prewritten: bool) -> None:
    """Make the directory, and in it what is to be there before the peer; raises SwarmbenchError when it is full."""
    with writing(directory):
        directory.mkdir(exist_ok=True)
        for path in directory.iterdir():
            if path.name != item.path.name:
                path.unlink()
    if prewritten:
        blank(directory / item.path.name, item.size)


def blank(path: Path, size: int) -> None:
    """Fill a file with zeros, over what it holds; raises SwarmbenchError when the disk is full."""
    with writing(path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(file, size)
            with memoryview(ZEROS) as zeros:
                for offset in range(0, size, len(ZEROS)):
                    os.pwrite(file, zeros[: size - offset], offset)
        finally:
            os.close(file)
