"""The files below the root: opened safely, described by validators, and known to be unchanged or not."""

from __future__ import annotations

import errno
import os
import stat
from http import HTTPStatus
from pathlib import Path

from baseline_server.beneath import open_beneath, openat2_works, walk_beneath
from baseline_server.conditions import Validators
from baseline_server.errors import FileChanged, Refusal, UsageError

_ABSENT = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL)
)
_FORBIDDEN = frozenset((errno.EACCES, errno.EPERM))


class OpenFile:
    """A regular file as it was when it was opened. Whoever opens it closes it."""

    __slots__ = ("fd", "name", "size", "validators", "version")

    def __init__(self, fd: int, name: bytes, status: os.stat_result) -> None:
        self.fd = fd
        self.name = name
        self.size = status.st_size
        self.version = _version(status)
        etag = b'"%x-%x-%x"' % (status.st_ino, status.st_mtime_ns, status.st_size)
        self.validators = Validators(etag, int(status.st_mtime_ns // 1_000_000_000))

    def check_unchanged(self) -> None:
        """Raises FileChanged when the file was written to or resized since it was opened."""
        if _version(os.fstat(self.fd)) != self.version:
            raise FileChanged

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


class Root:
    """The directory that is served; nothing outside it can be named or reached through a link."""

    def __init__(self, directory: Path) -> None:
        """Raises UsageError when it is not a directory that can be read."""
        try:
            self.fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"cannot serve {directory}: {error.strerror}; --root needs a readable directory") from None
        self._open = open_beneath if openat2_works() else walk_beneath

    def open(self, path: bytes) -> OpenFile:
        """Open the regular file at `path` (target.path_of). Raises Refusal: 403, 404, 503 (out of descriptors)."""
        try:
            fd = self._open(self.fd, path)
        except OSError as error:
            raise _refusal_of(error) from None
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise Refusal(HTTPStatus.NOT_FOUND, "no such file")
        return OpenFile(fd, path, status)

    def close(self) -> None:
        """Give the directory back."""
        os.close(self.fd)


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def _refusal_of(error: OSError) -> Refusal:
    if error.errno in _ABSENT:
        return Refusal(HTTPStatus.NOT_FOUND, "no such file")
    if error.errno in _FORBIDDEN:
        return Refusal(HTTPStatus.FORBIDDEN, "the file cannot be read")
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "out of resources", headers=b"Retry-After: 1\r\n")
