"""A step: one contender, one number of peers, one repeat – the unit that is measured, kept, and resumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from harness.results.schema import Beginning, Lookup, LookupRow, NodeFigures, Row, Sample, Transfer
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Step:
    """The key of a measurement."""

    contender: str
    peers: int
    repeat: int

    def __str__(self) -> str:
        return f"{self.contender}, {count_of_peers(self.peers)}, repeat {self.repeat + 1}"

    @property
    def name(self) -> str:
        """Good for a file."""
        return f"{self.contender}-{self.peers}-{self.repeat}"


def count_of_peers(peers: int) -> str:
    """As people say it: `1 peer`, `2 peers`."""
    return f"{peers} peer{'s' if peers > 1 else ''}"


def step_of(record: Transfer | Lookup | NodeFigures | Sample | Beginning | Row | LookupRow) -> Step:
    """The step that a record belongs to."""
    return Step(record.contender, record.peers, record.repeat)


def finished_steps(records: Iterable[Transfer | Lookup], scenario: Scenario) -> set[Step]:
    """The steps whose every transfer, or lookup, is on record; a step cut short by a crash is not among them."""
    lookups = scenario.lookups.count if scenario.lookups else None
    return {step for step, count in Counter(map(step_of, records)).items() if count >= (lookups or step.peers)}


def order_steps(scenario: Scenario) -> list[Step]:
    """Every step of a run in the order it is played.

    Within a repeat and a number of peers the contenders come in random order, so that drift of the machine over time
    favours none of them; the order depends on the seed alone, so a resumed run keeps it.
    """
    rng = Random(f"order/{scenario.seed}")
    return [
        Step(contender, peers, repeat)
        for repeat in range(scenario.repeats)
        for peers in scenario.peers
        for contender in rng.sample(scenario.contenders, len(scenario.contenders))
    ]
