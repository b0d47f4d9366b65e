"""Opening a path that must not leave a directory. The rule: the kernel decides during the open, not a check before it.

openat2(2) with RESOLVE_BENEATH (Linux 5.6) refuses `..`, absolute links and links out of the directory in one step, so
nothing can be swapped between a check and its use. Where the kernel or a container's filter does not offer it, the
path is walked one component at a time and every symbolic link is refused.
"""

from __future__ import annotations

import ctypes
import errno
import os

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK  # O_NONBLOCK: a FIFO must not stop the server
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_SYS_OPENAT2 = 437  # the same number on every architecture but alpha
_RENAME_RETRIES = 8


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)
_syscall.restype = ctypes.c_long

_how = _OpenHow(_FLAGS, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)


def openat2_works() -> bool:
    """Whether this kernel (and this container's system-call filter) offers openat2."""
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_beneath(directory, b"."))
    except OSError:
        return False
    finally:
        os.close(directory)
    return True


def open_beneath(directory: int, path: bytes) -> int:
    """A read-only descriptor of `path` below the open `directory`, following links that stay inside. Raises OSError."""
    if b"\0" in path:  # it would end the path early
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    for _ in range(_RENAME_RETRIES):
        opened: int = _syscall(_SYS_OPENAT2, directory, path, _how, ctypes.sizeof(_how))
        if opened >= 0:
            return opened
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):  # EAGAIN: a rename raced with the look-up; the kernel asks to retry
            break
    raise OSError(code, os.strerror(code), path)


def walk_beneath(directory: int, path: bytes) -> int:
    """The same by plain openat(2), one component at a time, refusing every symbolic link. Raises OSError."""
    *parents, name = path.split(b"/")
    if b".." in (*parents, name):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    at = os.dup(directory)
    try:
        for parent in parents:
            below = os.open(parent, _FLAGS | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)
