"""Windows: mapped stretches of the files that are being sent, shared by all responses that send them.

The rule: user space never touches a mapping. The kernel reads the pages inside sendmsg(2), where a page lost to a
truncation is an error (EFAULT) instead of the SIGBUS that a read in user space would die of.

A page that is mapped for one response need not be mapped again for the next: for a crowd that downloads one file this
saves a third of the server's CPU time (ADR 0056). What is mapped counts as the process's memory, so the room is
bounded; and it holds a deleted file's blocks, so nothing stays mapped when the last response that sends it has ended.
"""

from __future__ import annotations

import mmap
from collections import Counter, OrderedDict

from baseline_server.errors import FileChanged
from baseline_server.files import OpenFile, Version

WINDOW = 4 << 20
"""Bytes of a window, a multiple of every page size: mapping it costs little beside sending it."""
MOST = 10
"""Windows at once: 40 MiB, with which a server of a thousand downloads stays below 100 MiB."""


class Windows:
    """The windows in use, the latest last."""

    def __init__(self) -> None:
        self._mapped: OrderedDict[tuple[Version, int], mmap.mmap] = OrderedDict()
        self._senders: Counter[Version] = Counter()

    def __len__(self) -> int:
        return len(self._mapped)

    def enter(self, file: OpenFile) -> None:
        """A response begins to send a file."""
        self._senders[file.version] += 1

    def leave(self, file: OpenFile) -> None:
        """It has ended; the last one takes the file's windows with it."""
        self._senders[file.version] -= 1
        if self._senders[file.version] == 0:
            del self._senders[file.version]
            for key in [key for key in self._mapped if key[0] == file.version]:
                del self._mapped[key]

    def view(self, file: OpenFile, offset: int, length: int) -> memoryview:
        """Up to `length` mapped bytes of a file from `offset` on, to be sent and forgotten. Raises FileChanged."""
        index, skip = divmod(offset, WINDOW)
        key = (file.version, index)
        mapping = self._mapped.get(key)
        if mapping is None:
            mapping = self._mapped[key] = _map(file, index * WINDOW)
            if len(self._mapped) > MOST:
                self._mapped.popitem(last=False)
        else:
            self._mapped.move_to_end(key)
        return memoryview(mapping)[skip : skip + length]


def _map(file: OpenFile, start: int) -> mmap.mmap:
    try:
        length = min(WINDOW, file.size - start)
        return mmap.mmap(file.fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=start)
    except ValueError:  # the file has become shorter than the window
        raise FileChanged from None
