"""Slows a tree under test down, for real: Python imports this first where it lies on the path, before anything else.

Only processes that move bytes – node, server, fetchers – are slowed, and only where SWARMBENCH_SLOW asks for it:
`wall:0.2` lets their event loops stand still a fifth of the time without using CPU, `cpu:0.1` burns a tenth more CPU
time than they use. Signals do both between two bytecodes, so no code of the tree knows.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time

PERIOD_S = 0.02
"""Often enough to meet every transfer many times."""

MOVERS = ("p2p_node", "baseline_server", "harness.contenders")


def _stand_still(share: float) -> None:
    def stop(number: int, frame: object) -> None:
        time.sleep(PERIOD_S * share)

    signal.signal(signal.SIGALRM, stop)
    _tick(signal.ITIMER_REAL)


def _burn(share: float) -> None:
    burnt_until = time.process_time()

    def burn(number: int, frame: object) -> None:
        nonlocal burnt_until
        now = time.process_time()
        until = now + (now - burnt_until) * share  # fixed: the next tick may come while this one burns
        while time.process_time() < until:
            pass
        burnt_until = time.process_time()

    signal.signal(signal.SIGPROF, burn)
    _tick(signal.ITIMER_PROF)


def _tick(timer: int) -> None:
    signal.setitimer(timer, PERIOD_S, PERIOD_S)
    atexit.register(signal.setitimer, timer, 0)  # once Python has put its handlers away, the next tick would kill


def _slow_down() -> None:
    what, _, share = os.environ["SWARMBENCH_SLOW"].partition(":")
    {"wall": _stand_still, "cpu": _burn}[what](float(share))


if "SWARMBENCH_SLOW" in os.environ and any(word.startswith(MOVERS) for word in sys.orig_argv):
    _slow_down()
    os.register_at_fork(after_in_child=_slow_down)  # timers are not inherited
