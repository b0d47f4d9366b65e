"""A run's state for Prometheus, on 127.0.0.1, while the run lasts. Off unless a port is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from harness.errors import SwarmbenchError
from harness.metrics.names import RunMetrics
from harness.results.schema import Row, Sample
from harness.results.step import Step

ADDRESS = "127.0.0.1"


class Exporter:
    """Keeps a run's gauges up to date; nobody needs to ask whether they are served."""

    def __init__(self) -> None:
        self.metrics = RunMetrics()

    def step_started(self, step: Step) -> None:
        """A step begins."""
        self.metrics.playing.clear()
        self.metrics.playing.labels(*_labels(step)).set(1)

    def step_progress(self, step: Step, verified: int, ended: int) -> None:
        """The step under way has come this far."""
        self.metrics.verified.labels(*_labels(step)).set(verified)
        self.metrics.completed.labels(*_labels(step)).set(ended)

    def sampled(self, samples: Iterable[Sample]) -> None:
        """What the roles use now."""
        for sample in samples:
            self.metrics.cpu.labels(sample.role).set(sample.cpu_s)
            self.metrics.memory.labels(sample.role).set(sample.rss_bytes)

    def step_finished(self, step: Step, row: Row | None) -> None:
        """A step ended, and this is what it came to; None if it was of lookups."""
        self.metrics.playing.clear()
        if row is None:
            return
        if row.efficiency is not None:
            self.metrics.efficiency.labels(*_labels(step)).set(row.efficiency)
        if row.completion_s.last is not None:
            self.metrics.last_completion.labels(*_labels(step)).set(row.completion_s.last)


@contextmanager
def exporter(port: int | None) -> Iterator[Exporter]:
    """An exporter, served at `http://127.0.0.1:<port>/metrics` if a port is given; raises SwarmbenchError."""
    kept = Exporter()
    if port is None:
        yield kept
        return
    try:
        server, thread = start_http_server(port, ADDRESS, kept.metrics.registry)
    except OSError as error:
        raise SwarmbenchError(
            f"metrics: port {port} on {ADDRESS} cannot be used ({error.strerror}); choose another with --metrics-port"
        ) from error
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _labels(step: Step) -> tuple[str, str, str]:
    return step.contender, str(step.peers), str(step.repeat)
