"""What the server counts. The hot path adds to plain integers; Prometheus' objects are made when they are scraped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}


class Tally:
    """Counts since the start, and the connections open now; a Prometheus collector."""

    def __init__(self) -> None:
        self.responses: Counter[tuple[str, int]] = Counter()
        self.sent_bytes = 0
        self.accepted = 0
        self.turned_away = 0
        self.open = 0
        self.ended: Counter[str] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def answered(self, method: bytes, status: HTTPStatus) -> None:
        """Count a response that is about to be sent."""
        self.responses[_METHODS.get(method, "other"), status.value] += 1

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Prometheus' collector protocol."""
        prefix = "baseline_server_"
        responses = CounterMetricFamily(
            f"{prefix}responses", "Responses begun, by method and status.", labels=("method", "status")
        )
        for (method, status), count in self.responses.items():
            responses.add_metric((method, str(status)), count)
        ended = CounterMetricFamily(
            f"{prefix}connections_ended", "Connections that ended, by reason.", labels=("reason",)
        )
        for reason, count in self.ended.items():
            ended.add_metric((reason,), count)
        yield responses
        yield ended
        yield CounterMetricFamily(f"{prefix}sent_bytes", "Bytes handed to sockets, heads included.", self.sent_bytes)
        yield CounterMetricFamily(f"{prefix}connections_accepted", "Connections accepted.", self.accepted)
        yield CounterMetricFamily(
            f"{prefix}connections_turned_away", "Connections answered 503 at the limit.", self.turned_away
        )
        yield GaugeMetricFamily(f"{prefix}connections", "Connections open now.", self.open)
