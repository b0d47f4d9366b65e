"""How a file's bytes reach a socket (docs/decisions/0002-sending-files.md).

The rule: a response is either whole and of one version, or cut.

Bulk goes out of windows, slice by slice (windows.py). The last bytes are read by pread(2) and leave only if the file is
still the version that was promised.
"""

from __future__ import annotations

import errno
import os
import socket

from baseline_server.errors import FileChanged
from baseline_server.files import OpenFile
from baseline_server.ranges import Span
from baseline_server.windows import Windows

SLICE = 1 << 20
"""Bytes offered to a socket at once; 512 KiB costs a sixth of the goodput, 2 MiB gains nothing (ADR 0002)."""
TAIL = 64 * 1024
"""Bytes that are read rather than mapped: up to here a mapping costs more than the copy it saves."""


class FileBody:
    """The span of a file that a response still owes. It keeps no bytes, so a waiting connection costs no memory."""

    __slots__ = ("_file", "_offset", "_stop", "_windows")

    def __init__(self, file: OpenFile, span: Span, windows: Windows) -> None:
        self._file = file
        self._windows = windows
        windows.enter(file)
        self._offset = span.start
        self._stop = span.stop

    @property
    def left(self) -> int:
        """Bytes not yet handed to the kernel."""
        return self._stop - self._offset

    def send(self, sock: socket.socket, head: bytes, limit: int) -> int:
        """Hand up to about `limit` bytes to the socket, `head` first; returns how many of both it took.

        Raises BlockingIOError when it takes none, FileChanged when the file is no longer the one promised, OSError when
        the client is gone.
        """
        if self.left <= TAIL:
            sent = sock.send(head + self._checked_tail())
        else:
            sent = self._send_mapped(sock, head, min(self.left - TAIL, SLICE, limit))
        self._offset += max(0, sent - len(head))
        return sent

    def close(self) -> None:
        """Close the file."""
        self._windows.leave(self._file)
        self._file.close()

    def _checked_tail(self) -> bytes:
        data = os.pread(self._file.fd, self.left, self._offset)
        if len(data) != self.left:
            raise FileChanged
        self._file.check_unchanged()  # after the read: a writer stamps the file before it changes a byte
        return data

    def _send_mapped(self, sock: socket.socket, head: bytes, length: int) -> int:
        view = self._windows.view(self._file, self._offset, length)
        try:
            return sock.sendmsg((head, view))
        except OSError as error:
            if error.errno == errno.EFAULT:
                raise FileChanged from None
            raise
