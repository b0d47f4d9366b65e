"""Gates simulated from recorded runs: what would be measured side by side is taken side by side from the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from harness.gate.judgement import Batch, Outcome, Pair, judge, subjects, suspects
from harness.gate.plan import Experiment, Plan
from tests.gate_selftest.recording import Recorded

Runs = Mapping[str, Sequence[Recorded]]


@dataclass(frozen=True, slots=True)
class Case:
    """A change that is injected into head – figures times a factor –, and what has to come of it in which share of all
    gates: at least, or, of false alarms, at most."""

    name: str
    outcome: Outcome
    factors: Mapping[str, float] = field(default_factory=dict)
    at_least: float = 0.0
    at_most: float = 1.0
    noisy: bool = False

    def met(self, share: float) -> bool:
        """Whether the gate is as good as it has to be."""
        return self.at_least <= share <= self.at_most


CASES = (
    Case("no change", Outcome.REGRESSION, at_most=0.01),
    Case("20 % less goodput", Outcome.REGRESSION, {"goodput": 0.8}, at_least=0.90),
    Case("10 % more CPU", Outcome.REGRESSION, {"gib_per_cpu_s": 1 / 1.1}, at_least=0.99),
    Case("twice the duplicates", Outcome.REGRESSION, {"wasted": 2.0}, at_least=1.0),
    Case("no change, beside a hog", Outcome.REGRESSION, at_most=0.0, noisy=True),
)


def simulate(plan: Plan, runs: Runs, case: Case, gates: int, rng: Random) -> Counter[Outcome]:
    """How many of so many gates ended how."""
    return Counter(_gate(plan, runs, case, rng) for _ in range(gates))


def _gate(plan: Plan, runs: Runs, case: Case, rng: Random) -> Outcome:
    batches = [_batch(plan, plan.experiments, runs, case, rng)]
    if again := suspects(plan, batches[0]):
        batches.append(_batch(plan, again, runs, case, rng))
    return judge(plan, batches).outcome


def _batch(plan: Plan, experiments: Sequence[Experiment], runs: Runs, case: Case, rng: Random) -> Batch:
    """Neighbours make a pair, in random order, from a random place in the record on: pairs share the machine's mood as
    much as they did when it was measured."""
    batch = {}
    for experiment in experiments:
        found = runs[experiment.name]
        start = rng.randrange(len(found))
        both = [
            rng.sample([found[(start + 2 * i) % len(found)], found[(start + 2 * i + 1) % len(found)]], 2)
            for i in range(plan.pairs)
        ]
        for subject in subjects(experiment):
            factor = case.factors.get(subject.figure, 1.0)
            batch[subject] = [
                Pair(
                    base.values[subject.contender][subject.figure],
                    factor * head.values[subject.contender][subject.figure],
                )
                for base, head in both
            ]
    return batch
