"""Small files kept in memory. The rule: what is kept leaves only while its name leads to the file it was read from.

Opening, describing, reading, checking and closing are five system calls, and with what Python does about them nearly
half of what a small answer costs (ADR 0056). Whether the name still leads to the same inode, with the same size and
times, is one. The time of the last change (ctime) is among them, which no program sets back, and which new rights
change, too.

Two changes within one tick of the file system's clock look like one; so only what has rested is kept, as git does for
its index ("Use of index and Racy Git problem", git's technical documentation).
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from baseline_server.files import OpenFile
from baseline_server.request import Request
from baseline_server.response import Context, Response, for_file

LARGEST = 32 * 1024
"""Bytes of a file that is kept: a client that does not read may hold so much of ours in place of the kernel's."""
ROOM = 8 << 20
"""Bytes of everything kept, and again as much with the last answers; what came first goes first."""
_RESTED_NS = 2_000_000_000
"""More than the tick of any file system that is served from: FAT's is two seconds, those of Linux' own some ms."""

Identity = tuple[int, int, int, int, int]


class KeptFile:
    """A small file as it was when it was read."""

    __slots__ = ("_answered", "_content", "identity", "name", "size", "validators")

    def __init__(self, file: OpenFile, identity: Identity, content: bytes) -> None:
        self.name = file.name
        self.size = file.size
        self.validators = file.validators
        self.identity = identity
        self._content = content
        self._answered: tuple[Request, Context, Response] | None = None

    def answer(self, request: Request, context: Context) -> Response:
        """The answer to a GET or HEAD, all in its head. Raises Refusal.

        Within a second the same request has the same answer, Date and all; equal requests of equal bytes are one
        object (request.py).
        """
        if self._answered is not None and self._answered[0] is request and self._answered[1] == context:
            return self._answered[2]
        response = for_file(request, self, context)
        if response.span is not None:
            content = self._content[response.span.start : response.span.stop]
            response = Response(response.status, response.head + content)
        self._answered = (request, context, response)
        return response


class Shelf:
    """The kept files of one directory by path, in the order in which they came."""

    def __init__(self, directory: int) -> None:
        """`directory` is its open descriptor."""
        self._directory = directory
        self._kept: dict[bytes, KeptFile] = {}
        self._bytes = 0

    def find(self, path: bytes) -> KeptFile | None:
        """The kept file at a path, if that is where it still is."""
        kept = self._kept.get(path)
        if kept is None:
            return None
        with suppress(OSError):
            if _identity(os.stat(path, dir_fd=self._directory)) == kept.identity:
                return kept
        self._drop(path)
        return None

    def keep(self, file: OpenFile) -> None:
        """Keep a file that was just opened, if it is small and has rested."""
        if file.size > LARGEST:
            return
        before = os.fstat(file.fd)
        if time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) < _RESTED_NS:
            return
        content = os.pread(file.fd, file.size + 1, 0)
        identity = _identity(os.fstat(file.fd))
        if len(content) != file.size or identity != _identity(before):
            return
        while self._kept and self._bytes + len(content) > ROOM:
            self._drop(next(iter(self._kept)))
        self._kept[file.name] = KeptFile(file, identity, content)
        self._bytes += len(content)

    def _drop(self, path: bytes) -> None:
        self._bytes -= self._kept.pop(path).size


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
