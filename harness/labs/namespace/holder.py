"""The holder: the process that lives in the namespace, keeps it open, and empties it when the harness has ended.

It reads one `Layout` line, answers with one line, and waits for its stdin to close. It lays out in a thread of its own,
so that it hears the harness's end also while that is under way.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from harness.labs.namespace.links import MissingFeatureError, NoDelayError, lay_out
from harness.labs.namespace.pipe import Answer, LaidOut, Layout, Refused
from harness.labs.sweep import sweep


def main() -> None:
    """Hold the network namespace that this process was started in."""
    namespace = Path("/proc/self/ns/net").readlink()
    for request in sys.stdin.buffer:
        threading.Thread(target=_answer, args=(request,), daemon=True).start()
    sweep(lambda process: (process / "ns/net").readlink() == namespace)
    os._exit(0)  # without waiting for a lay-out that nobody needs any more


def _answer(request: bytes) -> None:
    try:
        answer: Answer = LaidOut(lay_out(msgspec.json.decode(request, type=Layout)))
    except NoDelayError as error:
        answer = Refused(str(error), delay=True)
    except MissingFeatureError as error:
        answer = Refused(str(error))
    except Exception as error:  # a thread's traceback would leave the harness waiting for ever
        answer = Refused(f"laying out links failed: {error!r}")
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
