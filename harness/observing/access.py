"""Access to a Grafana: its URL, and a token that comes from the environment or a file and is never shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import UsageError

DEFAULT_TOKEN_ENV = "GRAFANA_TOKEN"

HOW = f"make a service account's token in Grafana, and put it into {DEFAULT_TOKEN_ENV} or --token-file FILE"


@dataclass(frozen=True, slots=True)
class Access:
    """A Grafana, and the right to change it: a token, or a name and a password."""

    url: str
    right: str | tuple[str, str] = field(repr=False)


def read_url(text: str, option: str) -> str:
    """The URL as given, without a slash at the end; raises UsageError unless it is one of a web server."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"{option}: {text!r} is not a URL; give it as https://grafana.example.org/path")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{option}: a URL with a password in it is shown to others; {HOW}")
    if parts.query or parts.fragment:
        raise UsageError(f"{option}: {text!r} has more than a path; give it as https://grafana.example.org/path")
    return text.rstrip("/")


def find_token(env: str | None, file: Path | None) -> str | None:
    """The token, or None if the default variable has none; raises UsageError when one was named and is not there."""
    if env is not None and file is not None:
        raise UsageError("--token-env and --token-file: give one of the two")
    if file is not None:
        return _checked(_read(file), f"--token-file: {file}")
    token = os.environ.get(env or DEFAULT_TOKEN_ENV, "").strip()
    if not token:
        if env is None:
            return None
        raise UsageError(f"--token-env: {env} is not set, or empty; {HOW}")
    return _checked(token, f"{env or DEFAULT_TOKEN_ENV}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"--token-file: {file}: cannot be read ({reason})") from None


def _checked(token: str, where: str) -> str:
    """It goes into a header, which has one line and no odd characters."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{where}: holds no token: one word of printable ASCII")
    return token
