"""Runs inputs through a codec, a batch at a time. A batch follows from its codec, seed and number alone."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from tests.fuzz.codec import REFUSALS, Codec
from tests.fuzz.mutation import mutated

BATCH = 1000
BATCH_CPU_S = 10.0
"""CPU time that a batch may take; it needs some hundredths of a second."""

GROWTH = 64 << 20
"""Bytes by which a batch may raise the process's peak memory: thousands of times its inputs."""

CORPUS = 40
"""Valid inputs made for each batch."""


class TooSlow(BaseException):
    """A decoder does not come to an end. No Exception, so that no decoder can swallow it."""


@dataclass(frozen=True)
class Finding:
    """An input that a codec does not survive."""

    codec: str
    data: bytes
    problem: str


def run_batch(codec: Codec, seed: int, number: int) -> tuple[int, Finding | None]:
    """How many inputs of this batch were accepted, and the first finding."""
    rng = Random(f"{seed}/{codec.name}/{number}")
    corpus = [codec.valid(rng) for _ in range(CORPUS)]
    before = _peak()
    accepted = 0
    data = b""
    try:
        with cpu_time(BATCH_CPU_S):
            for data in corpus:
                codec.check(data)
            for _ in range(BATCH - CORPUS):
                data = mutated(corpus, rng)
                accepted += not refused(codec, data)
    except (Exception, TooSlow) as error:
        return accepted, Finding(codec.name, data, f"{type(error).__name__}: {error}")
    if _peak() - before > GROWTH:
        return accepted, Finding(
            codec.name, data, f"memory grew by {_peak() - before} bytes in the batch that ends here"
        )
    return accepted, None


def refused(codec: Codec, data: bytes) -> bool:
    """Whether the codec refuses this input as it should: with the package's own errors. Others come through."""
    try:
        codec.check(data)
    except REFUSALS:
        return True
    return False


@contextmanager
def cpu_time(seconds: float) -> Iterator[None]:
    def expire(_number: int, _frame: object) -> None:
        raise TooSlow(f"more than {seconds} s of CPU time")

    previous = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
