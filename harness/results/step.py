"""A step: one contender, one number of peers, one repeat – the unit that is measured, kept, and resumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.results.schema import Sample, Transfer


@dataclass(frozen=True, slots=True)
class Step:
    """The key of a measurement."""

    contender: str
    peers: int
    repeat: int

    def __str__(self) -> str:
        return f"{self.contender}, {self.peers} peer{'s' if self.peers > 1 else ''}, repeat {self.repeat}"


def step_of(record: Transfer | Sample) -> Step:
    """The step that a transfer or a sample belongs to."""
    return Step(record.contender, record.peers, record.repeat)


def finished_steps(transfers: Iterable[Transfer]) -> set[Step]:
    """The steps whose every peer has its transfer on record; a step cut short by a crash is not among them."""
    return {step for step, count in Counter(map(step_of, transfers)).items() if count >= step.peers}
