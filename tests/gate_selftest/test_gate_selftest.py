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


@pytest.mark.parametrize("case", [case for case in CASES if not case.factors], ids=lambda case: case.name)
def test_real_runs_of_one_tree_are_never_a_regression(case):
    """Resampled from what was recorded; not beside a hog either."""
    assert met(case)


def test_a_fifth_less_goodput_is_found_in_real_runs():
    """Injected into every other run."""
    [case] = [case for case in CASES if "goodput" in case.factors]
    assert met(case)


def test_a_case_that_is_not_found_is_told():
    """Nothing injected is found too seldom, so the proof can fail."""
    assert not met(Case("nothing", CASES[0].outcome, at_least=0.5))
