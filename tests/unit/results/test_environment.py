"""The environment of a run."""

from __future__ import annotations

import platform

from harness.results.environment import describe_environment, describe_machine
from harness.results.schema import Calibration


def test_the_environment_says_what_the_figures_depend_on():
    """Machine, kernel, versions, lab, calibration and command are there."""
    calibration = Calibration(1.0, 2.0, 3.0, 4.0, 5.0)
    environment = describe_environment(
        lab="loopback", congestion_control="reno", calibration=calibration, command=["swarmbench", "run"]
    )
    assert environment.kernel == platform.release()
    assert environment.versions["locust"] and environment.versions["swarmbench"]
    assert environment.machine["cores"] >= 1
    assert (environment.calibration, environment.congestion_control) == (calibration, "reno")


def test_a_machine_is_recognised_again():
    """Resuming compares it."""
    assert describe_machine() == describe_machine()
