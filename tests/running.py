"""Real runs of the `swarmbench` command, small enough for a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SMALL = ("--lab", "loopback", "--set", "content.size=1MiB")

QUICK = ("run", "speed", "--repeats", "1", *SMALL)
"""A run without links, which nothing has to measure first."""

LARGE = 64 << 20
"""Bytes of an item that takes a process longer than a tick of the kernel's clock of CPU time, so that some is seen."""


def content(size: int) -> tuple[str, str]:
    """The arguments for an item of so many bytes, whole MiB."""
    return "--set", f"content.size={size >> 20}MiB"


def records(path: Path) -> list[dict]:
    """What a file of records holds."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def swarmbench(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which orders its sets by this seed."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


class Swarmbench:
    """The command, with `tmp_path` as its working directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.out = directory / "out"

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "harness", *map(str, arguments)]

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), cwd=self.directory, capture_output=True, text=True, timeout=120)

    @contextmanager
    def start(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        """The process, which ends with the block, also when the test fails there."""
        process = subprocess.Popen(
            self.command(*arguments), cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            try:
                yield process
            finally:
                process.terminate()

    def rows(self) -> list[dict]:
        return json.loads((self.out / "summary.json").read_text())["rows"]

    def transfers(self) -> list[dict]:
        return records(self.out / "transfers.jsonl")
