"""How a file's bytes reach a socket (docs/decisions/0002-sending-files.md).

The rule: user space never touches a mapping.

Bulk goes out by mapping one slice, sending it, and forgetting it: the kernel reads the pages inside sendmsg(2), where a
page lost to a truncation is an error (EFAULT) instead of the SIGBUS that a read in user space would die of. The last
bytes are read by pread(2) and leave only if the file is still the version that was promised, so a response is either
whole and of one version, or cut.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket

from baseline_server.errors import FileChanged
from baseline_server.files import OpenFile
from baseline_server.ranges import Span

SLICE = 1 << 20
"""Bytes offered to a socket at once; 512 KiB costs a sixth of the goodput, 2 MiB gains nothing (ADR 0002)."""
TAIL = 64 * 1024
"""Bytes that are read rather than mapped: up to here a mapping costs more than the copy it saves."""


class FileBody:
    """The span of a file that a response still owes. It keeps no bytes, so a waiting connection costs no memory."""

    __slots__ = ("_file", "_offset", "_stop")

    def __init__(self, file: OpenFile, span: Span) -> None:
        self._file = file
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
        self._file.close()

    def _checked_tail(self) -> bytes:
        data = os.pread(self._file.fd, self.left, self._offset)
        if len(data) != self.left:
            raise FileChanged
        self._file.check_unchanged()  # after the read: a writer stamps the file before it changes a byte
        return data

    def _send_mapped(self, sock: socket.socket, head: bytes, length: int) -> int:
        skip = self._offset % mmap.ALLOCATIONGRANULARITY
        try:
            mapping = mmap.mmap(
                self._file.fd, skip + length, mmap.MAP_SHARED, mmap.PROT_READ, offset=self._offset - skip
            )
        except ValueError:  # the file has become shorter than the mapping
            raise FileChanged from None
        try:
            return sock.sendmsg((head, memoryview(mapping)[skip:]))
        except OSError as error:
            if error.errno == errno.EFAULT:
                raise FileChanged from None
            raise
