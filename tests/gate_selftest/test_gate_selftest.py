"""The gate's own proof, in a size for CI: `make gate-selftest` is the whole of it."""

from __future__ import annotations

from random import Random

import pytest

from harness.gate.plan import DEFAULT, read_plan
from tests.gate_selftest.recording import NOISY, QUIET, recorded
from tests.gate_selftest.resampling import CASES, simulate

GATES = 12


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gates_resampled_from_real_runs_are_right(case):
    """Unchanged revisions are no regressions, and injected ones are found."""
    told = simulate(read_plan(DEFAULT), recorded(NOISY if case.noisy else QUIET), case, GATES, Random(1))
    assert case.met(told[case.outcome] / GATES), told
