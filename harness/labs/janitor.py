"""The loopback lab's keeper: waits for the harness's end, then kills every process that carries the lab's mark.

The mark is an environment variable, which children inherit however they detach themselves. A program that overwrites
its environment to retitle its processes (nginx's workers do) escapes it, and is the contender's to end.
"""

from __future__ import annotations

import sys

from harness.labs.sweep import sweep

MARK = "SWARMBENCH_LAB"


def main() -> None:
    """Read stdin to its end, then sweep the processes whose mark is the first argument."""
    mark = f"{MARK}={sys.argv[1]}".encode()
    sys.stdin.buffer.read()
    sweep(lambda process: mark in (process / "environ").read_bytes().split(b"\0"))


if __name__ == "__main__":
    main()
