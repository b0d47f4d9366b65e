"""Targets: how a run tells Prometheus where its exporter is – a file that lies there while the exporter lives.

The file's name says which process wrote it, so that the next run removes it when that process could not.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_NAME = re.compile(r"run-(\d+)-(\d+)\.json")

_SAME_S = 2
"""Readings of a process's start differ by less: they are counted from the machine's, which a clock may move."""


@contextmanager
def target(directory: Path, port: int, warn: Callable[[str], None]) -> Iterator[None]:
    """Have Prometheus scrape this process at a port of 127.0.0.1 meanwhile; where that fails it is only a warning."""
    me = psutil.Process()
    path = directory / f"run-{me.pid}-{int(me.create_time())}.json"
    draft = path.with_suffix(".draft")  # Prometheus looks as soon as there is something to see
    try:
        directory.mkdir(parents=True, exist_ok=True)
        sweep(directory)
        draft.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": {}}]) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        warn(f"{path}: cannot be written ({error.strerror}), so Prometheus is not told of this run")
    try:
        yield
    finally:
        for left in (draft, path):
            with suppress(OSError):
                left.unlink()


def sweep(directory: Path) -> None:
    """Remove the files of processes that are no more; raises OSError."""
    for path in directory.iterdir():
        name = _NAME.fullmatch(path.name)
        if name is not None and not _lives(int(name[1]), int(name[2])):
            path.unlink(missing_ok=True)


def _lives(pid: int, started: int) -> bool:
    """Whether it is still that process; another one may have got its number."""
    if pid == os.getpid():
        return False  # not written yet, so it is somebody's before us
    try:
        return bool(abs(psutil.Process(pid).create_time() - started) <= _SAME_S)
    except psutil.Error:
        return False
