"""The file by which Prometheus learns where a run is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.observing.targets import target


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fail(message: str) -> None:
    pytest.fail(message)


def test_the_file_lies_there_as_long_as_the_exporter_lives(tmp_path: Path) -> None:
    """In the form of file_sd, and gone also when what happened meanwhile fails."""
    directory = tmp_path / "targets"
    with pytest.raises(ZeroDivisionError), target(directory, 9100, fail):
        [path] = directory.glob("*.json")
        assert json.loads(path.read_text()) == [{"targets": ["127.0.0.1:9100"], "labels": {}}]
        raise ZeroDivisionError
    assert files(directory) == []


def test_files_of_dead_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    """Also those whose number somebody else has got since; what people have put there is theirs."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        started = int(psutil.Process(alive.pid).create_time())
        kept = {f"run-{alive.pid}-{started}.json", "my-own.json"}
        for name in (*kept, f"run-{alive.pid}-{started - 1000}.json", "run-999999999-1.json"):
            (tmp_path / name).write_text("[]")
        with target(tmp_path, 9100, fail):
            assert kept < set(files(tmp_path)) and len(files(tmp_path)) == 3
        assert set(files(tmp_path)) == kept
        alive.communicate()


def test_a_place_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """A run does not need to be watched."""
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    with target(tmp_path / "file" / "targets", 9100, warnings.append):
        pass
    [warning] = warnings
    assert "cannot be written (Not a directory), so Prometheus is not told of this run" in warning
