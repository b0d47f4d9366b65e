"""Where what can be made again is kept for the next time: the user's cache, as the XDG base directories have it."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """Ours in the user's cache; it need not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "swarmbench"
