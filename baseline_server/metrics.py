"""What the server counts. The hot path adds to plain integers; Prometheus' objects are made when they are scraped.

Workers share a board, one row each, in which they write their counts twice a second: whichever is scraped tells the
sums, its own as they are and the others' at most that old.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from http import HTTPStatus

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}
_OTHER = "other"


class Ending(Enum):
    """Why a connection ended."""

    CLOSED = "closed"  # after its last response, as said in it
    CLIENT_CLOSED = "client_closed"
    CLIENT_RESET = "client_reset"
    FILE_CHANGED = "file_changed"
    HEADER_TIMEOUT = "header_timeout"
    IDLE = "idle"
    SEND_TIMEOUT = "send_timeout"
    DRAINED = "drained"
    DRAIN_TIMEOUT = "drain_timeout"


_RESPONSES = [(method, status.value) for method in (*_METHODS.values(), _OTHER) for status in HTTPStatus]
_ROW = len(_RESPONSES) + len(Ending) + 4
_INT64 = 8


class Board:
    """The workers' rows, in memory that they share when they are forked after it was made."""

    def __init__(self, workers: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, workers * _ROW * _INT64)).cast("q")

    def publish(self, worker: int, row: Sequence[int]) -> None:
        """Write one worker's row; each number changes at once, for it is an aligned word."""
        first = worker * _ROW
        for column, number in enumerate(row):
            self._cells[first + column] = number

    def totals(self) -> list[int]:
        """The sums over all rows."""
        return [sum(self._cells[column::_ROW]) for column in range(_ROW)]


class Tally:
    """One worker's counts since the start, and the connections open now; a Prometheus collector of everybody's."""

    def __init__(self, board: Board | None = None, worker: int = 0) -> None:
        self.responses: Counter[tuple[str, int]] = Counter()
        self.sent_bytes = 0
        self.accepted = 0
        self.turned_away = 0
        self.open = 0
        self.ended: Counter[Ending] = Counter()
        self._board = board or Board()
        self._worker = worker
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def answered(self, method: bytes, status: HTTPStatus) -> None:
        """Count a response that is about to be sent."""
        self.responses[_METHODS.get(method, _OTHER), status.value] += 1

    def publish(self) -> None:
        """Let the other workers see the counts."""
        responses = [self.responses[key] for key in _RESPONSES]
        ended = [self.ended[ending] for ending in Ending]
        own = [self.sent_bytes, self.accepted, self.turned_away, self.open]
        self._board.publish(self._worker, [*responses, *ended, *own])

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        self.publish()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Prometheus' collector protocol."""
        totals = self._board.totals()
        sent_bytes, accepted, turned_away, connections = totals[-4:]
        prefix = "baseline_server_"
        responses = CounterMetricFamily(
            f"{prefix}responses", "Responses begun, by method and status.", labels=("method", "status")
        )
        for (method, status), count in zip(_RESPONSES, totals, strict=False):
            if count:
                responses.add_metric((method, str(status)), count)
        ended = CounterMetricFamily(
            f"{prefix}connections_ended", "Connections that ended, by reason.", labels=("reason",)
        )
        for ending, count in zip(Ending, totals[len(_RESPONSES) :], strict=False):
            if count:
                ended.add_metric((ending.value,), count)
        yield responses
        yield ended
        yield CounterMetricFamily(f"{prefix}sent_bytes", "Bytes handed to sockets, heads included.", sent_bytes)
        yield CounterMetricFamily(f"{prefix}connections_accepted", "Connections accepted.", accepted)
        yield CounterMetricFamily(
            f"{prefix}connections_turned_away", "Connections answered 503 at the limit.", turned_away
        )
        yield GaugeMetricFamily(f"{prefix}connections", "Connections open now.", connections)
