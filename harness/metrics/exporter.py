"""A run for Prometheus, on 127.0.0.1, while it lasts. Off unless a port is given.

The server has a thread of its own, so that the run is also told of while it draws its report. It reads what is kept
anyway: whether somebody scrapes changes nothing for the run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread

from harness.errors import SwarmbenchError
from harness.metrics.account import Account
from harness.metrics.endpoints import Overheard
from harness.results.run import Run
from harness.results.schema import Environment, Sample, Summary, Transfer
from harness.results.step import Step, step_of
from harness.scenarios.model import Scenario
from harness.scenarios.variant import variant

ADDRESS = "127.0.0.1"

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LONGEST_REQUEST_S = 5.0
"""Who takes longer to ask is not a scraper."""

LONGEST_WAIT_S = 20.0
"""For a last scrape: Prometheus' usual interval is 15 s."""

LATE = 1.5
"""Who has not scraped for so many of his own intervals has gone."""

POLL_S = 0.1


class Exporter:
    """Is told of a run as it goes; nobody needs to ask whether that is served."""

    def __init__(self, *, served: bool, per_peer: bool = False) -> None:
        self.per_peer = per_peer
        """Whether single peers are told of."""
        self.served = served
        """Whether it is worth asking for what only a scraper would see."""
        self._account: Account | None = None
        self._lock = Lock()
        self._told: set[str] = set()
        self._scraped: deque[float] = deque(maxlen=2)
        """When somebody asked, on the monotonic clock."""

    def exposition(self) -> str:
        """Everything so far, in Prometheus' text format."""
        with self._lock:
            self._scraped.append(time.monotonic())
            return self._account.ledger.exposition() if self._account else ""

    async def until_scraped(self) -> None:
        """Let who scrapes the run again and again see how it ended, as its last figures come with its end."""
        if len(self._scraped) < 2:
            return
        now, (earlier, last) = time.monotonic(), self._scraped
        until = last + min(LONGEST_WAIT_S, LATE * (last - earlier))
        while self._scraped[-1] < now:
            if time.monotonic() > until:
                return
            await asyncio.sleep(POLL_S)

    def run_started(self, run: str, scenario: Scenario, environment: Environment) -> None:
        """The run begins, or goes on."""
        with self._lock:
            self._account = Account(run, scenario.name, variant(scenario), environment.lab, per_peer=self.per_peer)
            self._account.run_started(environment.calibration)

    def step_started(self, step: Step, *, lookups: bool) -> None:
        """A step begins."""
        self._told.clear()
        with self._keeping() as account:
            account.step_started(step, lookups=lookups)

    def step_progress(self, step: Step, verified: int, current_peers: int, by_host: Mapping[str, int]) -> None:
        """The step under way has come this far, and each of its peers as far as that is asked for."""
        with self._keeping() as account:
            account.verified(step, verified)
            account.current_peers(step, current_peers)
            account.peers_verified(step, by_host)

    def demanded(self, step: Step, *, users: int, requests: int, late_s: float, lag_s: float) -> None:
        """How the demand process copes with the step under way."""
        with self._keeping() as account:
            account.demanded(step, users=users, requests=requests, late_s=late_s, lag_s=lag_s)

    def transfer_ended(self, transfer: Transfer) -> None:
        """A download ended; whether the harness finds the same in its file, nobody knows yet."""
        self._told.add(transfer.host)
        with self._keeping() as account:
            account.transfer_ended(transfer)

    def sampled(self, samples: Sequence[Sample]) -> None:
        """What the roles have used by now."""
        with self._keeping() as account:
            for sample in samples:
                account.sampled(sample)

    def overheard(self, step: Step, told: Overheard) -> None:
        """What the processes of the step under way tell of themselves."""
        with self._keeping() as account:
            account.overheard(step, told)

    def step_finished(self, step: Step, recorded: Run, summary: Summary) -> None:
        """A step ended and is on record: downloads that nobody told of, and lookups, whose costs show at the end."""
        with self._keeping() as account:
            for transfer in recorded.transfers:
                if step_of(transfer) == step and transfer.host not in self._told:
                    account.transfer_ended(transfer)
            for lookup in recorded.lookups:
                if step_of(lookup) == step:
                    account.lookup_ended(lookup)
            account.step_finished(
                step,
                [row for row in summary.rows if step_of(row) == step],
                [row for row in summary.lookup_rows if step_of(row) == step],
            )

    @contextmanager
    def _keeping(self) -> Iterator[Account]:
        assert self._account is not None
        with self._lock:
            yield self._account


@contextmanager
def exporter(port: int | None, *, per_peer: bool = False) -> Iterator[Exporter]:
    """An exporter, served at `http://127.0.0.1:<port>/metrics` if a port is given; raises SwarmbenchError."""
    if port is None:
        yield Exporter(served=False)
        return
    kept = Exporter(served=True, per_peer=per_peer)
    try:
        server = _Server((ADDRESS, port), _handler(kept.exposition))
    except OSError as error:
        raise SwarmbenchError(
            f"metrics: port {port} on {ADDRESS} cannot be used ({error.strerror}); choose another with --metrics-port"
        ) from error
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _handler(exposition: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = LONGEST_REQUEST_S

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND, "there is /metrics only")
                return
            body = exposition().encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A run's terminal shows the run."""

    return Handler
