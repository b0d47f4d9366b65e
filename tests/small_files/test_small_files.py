"""The tool that counts requests a second, in small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import require_tool


def test_it_compares_both_servers() -> None:
    """A line each, with a rate and a cost."""
    require_tool("nginx", "nginx")
    command = [sys.executable, "-m", "tests.small_files", "--rounds", "1", "--requests", "200", "--connections", "4"]
    told = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    rates = {line.split()[0]: float(line.split()[1]) for line in told.stdout.splitlines()}
    assert set(rates) == {"baseline-server", "nginx"}
    assert min(rates.values()) > 0
