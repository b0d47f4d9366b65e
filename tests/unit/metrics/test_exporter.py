"""A run as Prometheus reads it while it lasts."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
import urllib.request
from threading import Thread

import pytest
from metric_texts import key, samples_of
from records import ENVIRONMENT, SCENARIO, row, sample, summary, transfer

from harness.errors import SwarmbenchError
from harness.metrics.exporter import exporter
from harness.ports import free_port
from harness.results.run import Run
from harness.results.step import Step
from harness.scenarios.variant import variant

STEP = Step("swarm", 2, 0)
LABELS = {
    "run": "r",
    "scenario": "flash-crowd",
    "variant": variant(SCENARIO),
    "lab": "namespace",
    "contender": "swarm",
    "peers": 2,
    "repeat": 0,
}


@pytest.fixture
def served():
    port = free_port()
    with exporter(port) as exported:
        exported.run_started("r", SCENARIO, ENVIRONMENT)
        exported.step_started(STEP, lookups=False)
        yield exported, port


def scrape(port, path="metrics"):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5).read().decode()


def test_a_step_is_told_of_as_it_goes(served):
    """How far it is, who downloads, what has ended, what roles use."""
    exported, port = served
    exported.step_progress(STEP, 1000, 2, {})
    exported.demanded(STEP, users=2, requests=2, late_s=0.001, lag_s=0.002)
    exported.transfer_ended(transfer())
    exported.sampled([sample("server", 1.0, 0.5, 2000)])
    told = samples_of(scrape(port))
    assert told[key("step_verified_bytes", **LABELS)] == 1000
    assert told[key("current_peers", **LABELS)] == 2
    assert told[key("transfers_total", **LABELS, outcome="ok")] == 1
    assert told[key("role_cpu_seconds_total", **LABELS, role="server")] == 0.5
    assert told[key("demand_users", **LABELS)] == 2


def test_a_transfer_counts_once_whenever_it_is_told_of(served):
    """One whose peer was never asked, as nothing came up, is known from the records alone."""
    exported, port = served
    exported.transfer_ended(transfer("peer-1"))
    recorded = [transfer("peer-1"), transfer("peer-2", ok=False, done_s=None), transfer("peer-1", peers=1)]
    run = Run("anywhere", SCENARIO, ENVIRONMENT, recorded, [], [], [], None)
    exported.step_finished(STEP, run, summary([row("swarm", 1, 1.0), row("swarm", 2, 4.0)]))
    told = samples_of(scrape(port))
    assert told[key("transfers_total", **LABELS, outcome="ok")] == 1
    assert told[key("transfers_total", **LABELS, outcome="failed")] == 1
    assert told[key("step_completion_seconds", **LABELS, share="1")] == 4.0


def test_who_scrapes_a_run_sees_how_it_ended(served):
    """Its end waits for the next scrape, but not for somebody who never was there, or has gone."""
    exported, port = served

    async def waited(scraping_after_s):
        asyncio.get_running_loop().call_later(
            scraping_after_s, lambda: Thread(target=scrape, args=(port,), daemon=True).start()
        )
        began = time.monotonic()
        await exported.until_scraped()
        return time.monotonic() - began

    scrape(port)
    assert asyncio.run(waited(10)) < 5, "who has asked once may be a person"
    time.sleep(0.6)
    scrape(port)
    assert 0.2 < asyncio.run(waited(0.3)) < 5
    assert asyncio.run(waited(10)) < 5, "who has not come for longer than usual has gone"


def test_before_the_first_step_there_is_an_empty_answer():
    """A scraper may be there before the bench is."""
    port = free_port()
    with exporter(port):
        assert scrape(port) == ""


def test_nothing_else_is_served(served):
    """Least of all files."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        scrape(served[1], "../summary.json")


def test_without_a_port_nothing_is_served_and_nobody_is_asked():
    """All else is the same."""
    with exporter(None) as exported:
        exported.run_started("r", SCENARIO, ENVIRONMENT)
        exported.step_started(STEP, lookups=False)
        assert not exported.served
        assert key("step_playing", **LABELS) in samples_of(exported.exposition())


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
