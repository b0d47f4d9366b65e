"""The script that makes charts interactive: Vega, Vega-Lite and Vega-Embed in one.

Bundling takes two seconds and gives the same each time, so the script is kept in the user's cache, by what it was made
of and by which version.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import vl_convert

from harness.cache import cache_directory

SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What is bundled, with all that it refers to."""


def vega_bundle() -> str:
    """The script, which sets `window.vegaEmbed`; raises ValueError if it cannot stand inside an HTML element."""
    key = hashlib.sha256(f"{version('vl-convert-python')} {SNIPPET}".encode()).hexdigest()[:16]
    kept = cache_directory() / f"vega-{key}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        script: str = vl_convert.javascript_bundle(SNIPPET)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the Vega bundle would end its script element")
    with suppress(OSError):  # a cache that cannot be written costs the next report its seconds
        _keep(script, kept)
    return script


def _keep(script: str, path: Path) -> None:
    """Whole or not at all, also while other processes keep it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(script.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
