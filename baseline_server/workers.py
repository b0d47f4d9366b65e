"""Several processes that serve as one. The rule: they start together and end together.

A worker that ends unasked takes the others with it: what restarts the server is to see that something is wrong, and
not a half of it going on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

from baseline_server.errors import BaselineServerError

_ENDINGS = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def run_workers(count: int, work: Callable[[int], None], started: Callable[[], None]) -> None:
    """Run `work(number)` in as many processes until all have ended, passing SIGTERM and SIGINT on as SIGTERM.

    `started` is called here when all are there. Raises BaselineServerError when one ended unasked.
    """
    running: dict[int, int] = {}
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        _terminate(running)

    for number in _ENDINGS:
        signal.signal(number, stop)
    parent = os.getpid()
    # Held back while forking: whoever is told to end before it is ready must find that out afterwards.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    for worker in range(count):
        pid = os.fork()
        if pid == 0:
            _work(parent, partial(work, worker))
        running[pid] = worker
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)
    started()
    failure = _outlive(running, lambda: stopping)
    if failure is not None:
        raise BaselineServerError(failure)


def _outlive(running: dict[int, int], stopping: Callable[[], bool]) -> str | None:
    """Wait for every worker's end; what was wrong with the first that ended unasked."""
    failure = None
    while running:
        pid, status = os.wait()
        worker = running.pop(pid)
        if not stopping() and failure is None:
            failure = f"worker {worker} ended with {os.waitstatus_to_exitcode(status)}, so the others were stopped"
            _terminate(running)
    return failure


def _work(parent: int, work: Callable[[], None]) -> None:
    """In the child: work, and leave without the parent's clean-up."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent passes it on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == parent:
            work()
            code = 0
    except BaselineServerError as error:
        print(f"baseline-server: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _terminate(running: dict[int, int]) -> None:
    for pid in list(running):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
