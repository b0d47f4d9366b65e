"""Shared fixtures. Under CI_STRICT=1 no test may skip because a tool is missing."""

from __future__ import annotations

import os
import shutil

import pytest

STRICT = os.environ.get("CI_STRICT") == "1"


def require_tool(name: str, package: str) -> str:
    """Path of a command, or skip with the command that installs it (fail under CI_STRICT)."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is not None:
        return path
    message = f"{name} is not installed; install it with: apt-get install {package}"
    if STRICT:
        pytest.fail(message)
    pytest.skip(message)
