"""What the server raises on purpose: our own start-up failures apart from what a client did wrong."""

from __future__ import annotations

from http import HTTPStatus


class BaselineServerError(Exception):
    """The server cannot run; the message says what, where and what to do (exit code 1)."""

    exit_code = 1


class UsageError(BaselineServerError):
    """The command line asks for something that does not exist (exit code 2)."""

    exit_code = 2


class Refusal(Exception):
    """A request that is answered with an error. Raised while parsing, it also ends the connection (request.py)."""

    def __init__(self, status: HTTPStatus, reason: str, *, headers: bytes = b"") -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers
        """Further header lines, each ending in CRLF."""


class FileChanged(Exception):
    """The file is no longer what its response promised; only cutting the connection is honest now."""
