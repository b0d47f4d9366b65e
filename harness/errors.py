"""What the harness raises on purpose: each is one line for a person, and carries its exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from traceback import format_exception


class SwarmbenchError(Exception):
    """The run cannot go on; the message says what, where and what to do (exit code 1)."""

    exit_code = 1


class UsageError(SwarmbenchError):
    """What was asked for does not exist or makes no sense (exit code 2)."""

    exit_code = 2


def unknown_name(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that nothing goes by: it lists what is known, and the nearest miss first."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"unknown {what} {name!r}; {hint}known: {', '.join(names)}")


def unexpected(error: Exception, directory: Path) -> SwarmbenchError:
    """The error for a mistake of ours: one line, and where the traceback was written for whoever mends it."""
    path = directory / f"error-{os.getpid()}.txt"
    try:
        path.write_text("".join(format_exception(error)))
    except OSError:
        path = Path("nowhere, as that failed, too")
    return SwarmbenchError(f"unexpected {type(error).__name__}: {error}; please report it with the traceback in {path}")
