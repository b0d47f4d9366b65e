"""What a person gets to read when a command cannot do its work."""


class NodeError(Exception):
    """One line: what, where, what to do."""


def describe(error: OSError, doing: str) -> NodeError:
    """An operating system's error in one line."""
    return NodeError(f"cannot {doing}: {error.strerror or error}")
