"""Verdicts on pairs whose truth is known."""

from __future__ import annotations

import math
from random import Random

import pytest

from harness.gate.judgement import Outcome, Pair, Subject, judge, suspects
from harness.gate.plan import Experiment, Limit, Plan

GATES = {"goodput": 0.10, "gib_per_cpu_s": 0.05}
LIMITS = {"wasted": Limit(most=0.05, growth=1.5, floor=0.001)}
PLAN = Plan(20, (Experiment("speed", "speed", ("swarm",), 1, (), GATES, LIMITS),))
GOODPUT, CPU, WASTED = (Subject("speed", "swarm", figure) for figure in ("goodput", "gib_per_cpu_s", "wasted"))

WALL_CV, CPU_CV, MEMORY = 0.13, 0.03, 0.6
"""How single runs scatter on a machine with two cores, and how much of a run's luck the next one shares."""


def measured(rng: Random, wall: float = 1.0, cpu: float = 1.0, waste: float = 1.0, noise: float = 1.0):
    """A batch in which head's rates are `wall` and `cpu` times base's, and its waste `waste` times."""
    mood = 0.0
    pairs: dict[Subject, list[Pair]] = {GOODPUT: [], CPU: [], WASTED: []}

    def luck() -> float:
        nonlocal mood
        mood = MEMORY * mood + math.sqrt(1 - MEMORY**2) * rng.gauss(0, 1)
        return mood

    for _ in range(PLAN.pairs):
        first, second = luck(), luck()
        base, head = (first, second) if rng.random() < 0.5 else (second, first)
        speeds = math.exp(noise * WALL_CV * base), wall * math.exp(noise * WALL_CV * head)
        pairs[GOODPUT].append(Pair(*speeds))
        costs = math.exp(noise * CPU_CV * rng.gauss(0, 1)), cpu * math.exp(noise * CPU_CV * rng.gauss(0, 1))
        pairs[CPU].append(Pair(*costs))
        pairs[WASTED].append(Pair(0.01, 0.01 * waste))
    return pairs


def gated(rng: Random, **change: float) -> Outcome:
    """The outcome of a whole gate: a second batch only where the first one is suspect."""
    batches = [measured(rng, **change)]
    if suspects(PLAN, batches[0]):
        batches.append(measured(rng, **change))
    return judge(PLAN, batches).outcome


def share(outcome: Outcome, gates: int, **change: float) -> float:
    rng = Random(5)
    return sum(gated(rng, **change) is outcome for _ in range(gates)) / gates


def test_an_unchanged_commit_is_hardly_ever_called_a_regression():
    """At most one in a hundred, where single runs with a limit of ten per cent call one in six."""
    assert share(Outcome.REGRESSION, 100) <= 0.01


def test_a_fifth_less_goodput_is_found():
    """In nine of ten gates."""
    assert share(Outcome.REGRESSION, 40, wall=0.8) >= 0.9


def test_a_tenth_more_cpu_is_found():
    """Practically always, though the wall clock shows nothing."""
    assert share(Outcome.REGRESSION, 40, cpu=1 / 1.1) >= 0.99


def test_an_improvement_passes():
    """Whatever its size."""
    assert share(Outcome.PASS, 10, wall=1.5, cpu=1.3) == 1.0


def test_twice_the_waste_is_always_found():
    """Chance does not double it in pair after pair."""
    verdict = judge(PLAN, [measured(Random(1), waste=2.0)])
    [wasted] = [each for each in verdict.judgements if each.subject == WASTED]
    assert wasted.outcome is Outcome.REGRESSION
    assert verdict.outcome is Outcome.REGRESSION


def test_waste_that_may_have_grown_by_chance_is_measured_again_and_passes():
    """A few bad runs raise the mean, which is no proof: counters scatter, too."""
    batch = measured(Random(1))
    batch[WASTED] = [Pair(0.008, 0.045), Pair(0.017, 0.012), Pair(0.010, 0.008), Pair(0.014, 0.012)] * 5
    assert [each.name for each in suspects(PLAN, batch)] == ["speed"]
    [wasted] = [each for each in judge(PLAN, [batch, batch]).judgements if each.subject == WASTED]
    assert wasted.outcome is Outcome.PASS
    assert "chance" in wasted.reason


def test_waste_beyond_the_limit_is_found_however_much_there_was_before():
    """A base that was bad is no excuse."""
    batch = measured(Random(1))
    batch[WASTED] = [Pair(0.06, 0.06)] * PLAN.pairs
    [wasted] = [each for each in judge(PLAN, [batch]).judgements if each.subject == WASTED]
    assert wasted.outcome is Outcome.REGRESSION
    assert "limit" in wasted.reason


def test_a_little_waste_may_double():
    """Below the floor a factor says nothing."""
    batch = measured(Random(1))
    batch[WASTED] = [Pair(0.0002, 0.0006)] * PLAN.pairs
    assert judge(PLAN, [batch]).outcome is Outcome.PASS


def test_a_machine_too_noisy_to_tell_is_said_to_be():
    """Inconclusive; never a false regression."""
    rng = Random(3)
    outcomes = [gated(rng, noise=8.0) for _ in range(20)]
    assert Outcome.REGRESSION not in outcomes
    assert Outcome.INCONCLUSIVE in outcomes


def test_what_a_second_batch_does_not_confirm_passes():
    """And is said to have been suspect."""
    verdict = judge(PLAN, [measured(Random(1), cpu=0.8), measured(Random(2))])
    [cpu] = [each for each in verdict.judgements if each.subject == CPU]
    assert cpu.outcome is Outcome.PASS
    assert "did not agree" in cpu.reason
    assert [finding.suspect for finding in cpu.findings] == [True, False]


def test_what_only_the_second_batch_shows_passes():
    """And is said to be in that one alone: it was measured again because of another figure."""
    verdict = judge(PLAN, [measured(Random(2)), measured(Random(1), cpu=0.8)])
    [cpu] = [each for each in verdict.judgements if each.subject == CPU]
    assert cpu.outcome is Outcome.PASS
    assert "the first did not agree" in cpu.reason
    assert [finding.suspect for finding in cpu.findings] == [False, True]


def test_a_suspect_alone_fails_nobody():
    """It takes two batches to call a regression."""
    batch = measured(Random(1), cpu=0.8)
    assert suspects(PLAN, batch) == list(PLAN.experiments)
    assert judge(PLAN, [batch]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("change", [-0.02, 0.0, 0.05])
def test_small_changes_are_told_and_pass(change):
    """With their estimate."""
    batch = measured(Random(4), cpu=1 + change)
    [cpu] = [each for each in judge(PLAN, [batch]).judgements if each.subject == CPU]
    assert cpu.outcome is Outcome.PASS
    assert cpu.findings[0].change == pytest.approx(change, abs=0.03)
