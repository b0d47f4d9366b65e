"""The holder: the process that lives in the namespace, keeps it open, and empties it when the harness has ended.

It reads one `Layout` line, answers with one line, and then waits for its stdin to close.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from harness.labs.namespace.links import MissingFeatureError, NoDelayError, lay_out
from harness.labs.namespace.pipe import Answer, LaidOut, Layout, Refused
from harness.labs.sweep import sweep


def main() -> None:
    """Hold the network namespace that this process was started in."""
    namespace = Path("/proc/self/ns/net").readlink()
    try:
        request = sys.stdin.buffer.readline()
        if request:
            sys.stdout.buffer.write(msgspec.json.encode(_answer(request)) + b"\n")
            sys.stdout.buffer.flush()
            sys.stdin.buffer.read()
    finally:
        sweep(lambda process: (process / "ns/net").readlink() == namespace)


def _answer(request: bytes) -> Answer:
    try:
        return LaidOut(lay_out(msgspec.json.decode(request, type=Layout)))
    except NoDelayError as error:
        return Refused(str(error), delay=True)
    except MissingFeatureError as error:
        return Refused(str(error))


if __name__ == "__main__":
    main()
