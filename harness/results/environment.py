"""What the figures depend on besides the scenario: machine, kernel, versions, revision, lab, calibration, command."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil

from harness.results.schema import Calibration, Environment

PACKAGES = (
    "swarmbench",
    "aiohttp",
    "bencode2",
    "gevent",
    "httptools",
    "libtorrent",
    "locust",
    "msgspec",
    "psutil",
    "pyroute2",
    "uvloop",
)
"""The packages whose versions move the figures."""


def describe_environment(
    *,
    lab: str,
    congestion_control: str | None,
    calibration: Calibration | None,
    command: Sequence[str],
    model: str | None = None,
) -> Environment:
    """The environment of a run that starts now on this machine."""
    return Environment(
        machine=describe_machine(),
        kernel=platform.release(),
        python=platform.python_version(),
        versions=_versions(),
        revision=_revision(),
        lab=lab,
        congestion_control=congestion_control,
        calibration=calibration,
        command=list(command),
        model=model,
    )


def describe_machine() -> dict[str, str | int]:
    """The machine: CPU, cores this process may use, memory, architecture. Equal on the same machine after a reboot."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "architecture": platform.machine(),
        "system": platform.system(),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _revision() -> str | None:
    """The commit this package is checked out at, with `+` when files were changed since; None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return None
    return f"{commit}+" if _git(root, "status", "--porcelain", "--untracked-files=no") else commit


def _git(root: Path, *arguments: str) -> str | None:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, check=True, text=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
