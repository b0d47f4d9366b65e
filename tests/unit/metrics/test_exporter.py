"""The run's state as Prometheus reads it."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from harness.errors import SwarmbenchError
from harness.metrics.exporter import exporter
from harness.results.schema import Sample
from harness.results.step import Step


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def test_the_state_is_served_on_the_port():
    """The step under way, its progress, and what roles use."""
    port, step = free_port(), Step("http", 4, 0)
    with exporter(port) as exported:
        exported.step_started(step)
        exported.step_progress(step, 1000, 2)
        exported.sampled([Sample("http", 4, 0, 1.0, "server", 0.5, 2000)])
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    assert 'swarmbench_step_playing{contender="http",peers="4",repeat="0"} 1.0' in text
    assert 'swarmbench_step_verified_bytes{contender="http",peers="4",repeat="0"} 1000.0' in text
    assert 'swarmbench_role_cpu_seconds{role="server"} 0.5' in text


def test_only_the_step_under_way_is_playing():
    """The one before it is no longer listed."""
    with exporter(None) as exported:
        exported.step_started(Step("http", 4, 0))
        exported.step_started(Step("swarm", 4, 0))
        [metric] = exported.metrics.playing.collect()
    assert [sample.labels["contender"] for sample in metric.samples] == ["swarm"]


def test_a_port_that_is_taken_is_one_line():
    """It says which option to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(SwarmbenchError, match=r"cannot be used .* --metrics-port"),
            exporter(taken.getsockname()[1]),
        ):
            pass
