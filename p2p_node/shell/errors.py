"""What a person gets to read when a command cannot do its work."""

import errno


class NodeError(Exception):
    """One line: what, where, what to do."""


class DiskFull(NodeError):
    """There is no room for what is to be written; it can be tried again when there is."""


def describe(error: OSError, doing: str) -> NodeError:
    """An operating system's error in one line."""
    kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else NodeError
    return kind(f"cannot {doing}: {error.strerror or error}")
