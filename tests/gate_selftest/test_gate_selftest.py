"""The gate's own proof, in a size for CI: `make gate-selftest` is the whole of it."""

from __future__ import annotations

from random import Random

import pytest

from harness.gate.plan import DEFAULT, read_plan
from tests.gate_selftest.recording import NOISY, QUIET, recorded
from tests.gate_selftest.resampling import CASES, Case, simulate

GATES = 12


def met(case: Case) -> bool:
    told = simulate(read_plan(DEFAULT), recorded(NOISY if case.noisy else QUIET), case, GATES, Random(1))
    return case.met(told[case.outcome] / GATES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gates_of_real_runs_are_right(case):
    """Resampled from what was recorded: no false alarm, also beside a hog, and every change found that is injected."""
    assert met(case)


def test_a_case_that_is_not_found_is_told():
    """Nothing injected is found too seldom, so the proof can fail."""
    assert not met(Case("nothing", CASES[0].outcome, at_least=0.5))
