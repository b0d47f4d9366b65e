"""What the fleet counts; Prometheus' objects are made when they are scraped."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Tally:
    """Counts since the start; a Prometheus collector."""

    def __init__(self, kind: str) -> None:
        """`kind` is the prefix of every name."""
        self._kind = kind
        self.peers = 0
        self.fetching = 0
        self.completed = 0
        self.failed = 0
        self.received_bytes = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def ended(self, ok: bool) -> None:
        """Count a fetch that has ended."""
        if ok:
            self.completed += 1
        else:
            self.failed += 1

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Prometheus' collector protocol."""
        fetches = CounterMetricFamily(f"{self._kind}_fetches", "Fetches that ended, by outcome.", labels=("outcome",))
        fetches.add_metric(("completed",), self.completed)
        fetches.add_metric(("failed",), self.failed)
        yield fetches
        yield CounterMetricFamily(
            f"{self._kind}_received_bytes", "Payload bytes received by fetches that ended.", self.received_bytes
        )
        yield GaugeMetricFamily(f"{self._kind}_peers", "Peers that exist now.", self.peers)
        yield GaugeMetricFamily(f"{self._kind}_fetching", "Fetches under way.", self.fetching)
