"""The steps of a run and their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from harness.results.step import Step, order_steps
from harness.scenarios import catalogue
from harness.scenarios.reading import read_scenario

SCENARIO = replace(read_scenario(catalogue.find("flash-crowd")), contenders=("http", "swarm"), peers=(1, 4), repeats=8)


def test_every_combination_is_played_once():
    """Contenders times peers times repeats."""
    steps = order_steps(SCENARIO)
    assert len(steps) == len(set(steps)) == 2 * 2 * 8


def test_the_order_depends_on_the_seed_alone():
    """A resumed run keeps its order."""
    assert order_steps(SCENARIO) == order_steps(SCENARIO)
    assert order_steps(SCENARIO) != order_steps(replace(SCENARIO, seed=2))


def test_no_contender_always_comes_first():
    """Drift of the machine must not favour one side."""
    firsts = Counter(step.contender for step in order_steps(SCENARIO)[::2])
    assert min(firsts["http"], firsts["swarm"]) >= 4


def test_a_step_reads_as_a_phrase():
    """It labels progress for people."""
    assert str(Step("http", 1, 0)) == "http, 1 peer, repeat 1"
