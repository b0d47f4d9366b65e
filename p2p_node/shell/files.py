"""A torrent's files on disk, read and written as the one stream of bytes that its layout describes.

Nothing outside the download is ever opened: each name is opened below the directory before it, and no symbolic link is
followed. Usable from several threads at once.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

from p2p_node.shell.errors import NodeError, describe
from p2p_node.wire.layout import File, Layout

MAX_OPEN = 64
"""Files kept open at a time; a process has some thousand descriptors, and a fleet has many torrents."""

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""What file systems say that cannot allocate ahead."""


class _Handle:
    """An open file, closed when nobody holds the handle any more.

    A file that makes room for another may still be in use on a thread: hold the handle, not the number.
    """

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


class Files:
    """The files below `path`, or the one file that is `path`.

    `writable` creates and preallocates what is missing; without it the files are read only. Raises NodeError when that
    cannot be done, DiskFull when there is no room.
    """

    def __init__(self, layout: Layout, path: Path, writable: bool) -> None:
        self.path = path
        self._layout = layout
        self._writable = writable
        self._open: OrderedDict[int, _Handle] = OrderedDict()
        self._unsynced: set[int] = set()
        self._lock = Lock()
        self._all_stay_open = len(layout.files) <= MAX_OPEN
        for index, file in enumerate(layout.files):
            if writable and not file.padding:
                self._prepare(index, file)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the stream. Raises NodeError when a file is missing or shorter than the torrent says."""
        data = bytearray(length)
        self.read_into(offset, [memoryview(data)])
        return bytes(data)

    def read_into(self, offset: int, buffers: Sequence[memoryview]) -> None:
        """Fill the buffers, one after the other, with the stream from `offset` on. Raises NodeError."""
        length = sum(map(len, buffers))
        if (place := self._layout.within(offset, length)) is not None:
            self._read_file(*place, buffers, length)
            return
        for buffer in buffers:
            for index, start, part in self._parts(offset, buffer):
                if index is None:
                    part[:] = bytes(len(part))
                else:
                    self._read_file(index, start, [part], len(part))
            offset += len(buffer)

    def write(self, offset: int, data: memoryview) -> None:
        """Put bytes into the stream; what is padding goes nowhere. Raises NodeError, DiskFull when there is no room."""
        if (place := self._layout.within(offset, len(data))) is not None:
            self._write_file(*place, data)
            return
        for index, start, part in self._parts(offset, data):
            if index is not None:
                self._write_file(index, start, part)

    def sync(self) -> None:
        """Return when all that was written is on the disk. Raises NodeError."""
        while self._unsynced:
            index = self._unsynced.pop()
            handle = self._handle(index)
            try:
                os.fsync(handle.fd)
            except OSError as error:
                self._unsynced.add(index)
                raise describe(error, f"write {self._name(index)}") from None

    def stamps(self) -> list[tuple[int, int]]:
        """Size and time of last change (ns) of each file, (-1, 0) where there is none, in the layout's order."""
        return [self._stamp(index) for index in range(len(self._layout.files))]

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._open.clear()

    def _stamp(self, index: int) -> tuple[int, int]:
        if self._layout.files[index].padding:
            return -1, 0
        try:
            handle = self._handle(index)
        except NodeError:
            return -1, 0
        status = os.fstat(handle.fd)
        return status.st_size, status.st_mtime_ns

    def _parts(self, offset: int, data: memoryview) -> Iterator[tuple[int | None, int, memoryview]]:
        at = 0
        for index, start, length in self._layout.spans(offset, len(data)):
            yield index, start, data[at : at + length]
            at += length

    def _write_file(self, index: int, start: int, part: memoryview) -> None:
        handle = self._handle(index)
        try:
            _write_all(handle.fd, part, start)
        except OSError as error:
            raise describe(error, f"write {self._name(index)}") from None
        self._unsynced.add(index)

    def _read_file(self, index: int, start: int, buffers: Sequence[memoryview], length: int) -> None:
        handle = self._handle(index)
        try:
            count = os.preadv(handle.fd, buffers, start)
        except OSError as error:
            raise describe(error, f"read {self._name(index)}") from None
        if count != length:
            raise NodeError(f"{self._name(index)} is shorter than it was; restore it or start again")

    def _handle(self, index: int) -> _Handle:
        if self._all_stay_open and (handle := self._open.get(index)) is not None:
            return handle  # twice a piece: the lock and the order are as dear as the rest
        with self._lock:
            handle = self._open.get(index)
            if handle is None:
                handle = self._open[index] = _Handle(self._open_file(index))
                if len(self._open) > MAX_OPEN:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(index)
            return handle

    def _open_file(self, index: int) -> int:
        file = self._layout.files[index]
        try:
            if file.path:
                directory = self._open_directory(file.path[:-1])
                try:
                    return self._open_last(file.path[-1], file, directory)
                finally:
                    os.close(directory)
            return self._open_last(self.path, file, None)
        except OSError as error:
            raise describe(error, f"open {self._name(index)}") from None

    def _open_directory(self, names: Sequence[str]) -> int:
        # The download's own directory may be a link when it is only read: whoever seeds chose it.
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        if self._writable:
            with suppress(FileExistsError):
                self.path.mkdir()
        current = os.open(self.path, flags | (os.O_NOFOLLOW if self._writable else 0))
        for name in names:
            try:
                if self._writable:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=current)
                below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=current)
            finally:
                os.close(current)
            current = below
        return current

    def _open_last(self, name: str | Path, file: File, directory: int | None) -> int:
        # Non-blocking, because a named pipe in a file's place would wait for its other end.
        flags = (os.O_RDWR | os.O_CREAT) if self._writable else os.O_RDONLY
        if self._writable or directory is not None:
            flags |= os.O_NOFOLLOW
        mode = 0o755 if file.executable else 0o644
        fd = os.open(name, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=directory)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file")
        return fd

    def _prepare(self, index: int, file: File) -> None:
        handle = self._handle(index)
        status = os.fstat(handle.fd)
        try:
            if status.st_size > file.length:
                os.ftruncate(handle.fd, file.length)
            elif status.st_size < file.length or status.st_blocks * 512 < file.length:
                _allocate(handle.fd, file.length, status)
        except OSError as error:
            raise describe(error, f"make room for {self._name(index)} ({file.length} bytes)") from None

    def _name(self, index: int) -> Path:
        return self.path.joinpath(*self._layout.files[index].path)


def _allocate(fd: int, length: int, status: os.stat_result) -> None:
    if _in_memory(status.st_dev):
        room = os.fstatvfs(fd)
        if room.f_bavail * room.f_frsize < length - status.st_blocks * 512:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(fd, length)
        return
    try:
        os.posix_fallocate(fd, 0, length)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.ftruncate(fd, length)


@cache
def _in_memory(device: int) -> bool:
    """Whether a file system is one in memory. There is nothing to lay out there, and allocating ahead fills every page
    with zeros: 0.45 CPU-s/GiB, all of it before a flash crowd's first byte."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as mounts:
            return any(line.split()[2] == number and " - tmpfs " in line for line in mounts)
    except OSError:  # not Linux
        return False


def _write_all(fd: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data = data[written:]
        offset += written
