"""The scenarios by name: those packaged here, and any TOML file given by its path."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError, unknown_name

_PACKAGED = Path(__file__).parent


def names() -> list[str]:
    """The names of the packaged scenarios."""
    return sorted(path.stem for path in _PACKAGED.glob("*.toml"))


def find(name: str) -> Path:
    """The file of a packaged scenario, or of a path (it has a slash, or ends in .toml); raises UsageError."""
    if "/" in name or name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"{name}: no such scenario file; packaged scenarios: {', '.join(names())}")
        return path
    if name not in names():
        raise unknown_name("scenario", name, names())
    return _PACKAGED / f"{name}.toml"
