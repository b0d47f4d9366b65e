"""What the harness raises on purpose: each is one line for a person, and carries its exit code."""


class SwarmbenchError(Exception):
    """The run cannot go on; the message says what, where and what to do (exit code 1)."""

    exit_code = 1


class UsageError(SwarmbenchError):
    """What was asked for does not exist or makes no sense (exit code 2)."""

    exit_code = 2
