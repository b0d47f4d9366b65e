"""Watching a run: Prometheus is told where it is, Grafana what happens in it, and a person where to look.

Nothing of this can fail a run: what does not work is one warning.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from harness.errors import SwarmbenchError
from harness.observing.access import Access
from harness.observing.grafana import Grafana
from harness.observing.observatory import ADMINISTRATOR, Observatory, Watch, observatory
from harness.observing.servers import ADDRESS
from harness.observing.targets import target
from harness.results.step import Step

LINGER_S = 5.0
"""How long the exporter stays after the last step, so that a Prometheus which asks once a second has seen the end."""

MARGIN_S = 5.0
"""What a link shows before and after the run."""

TAG = "swarmbench"


@dataclass(frozen=True, slots=True)
class Observation:
    """What `--observe` was given: the URL of a Grafana that exists, and the token to mark steps there."""

    grafana: str | None
    token: str | None


class Watching:
    """What is known of a run's watchers while it lasts."""

    def __init__(self, run: str, grafana: Grafana | None) -> None:
        self._run = run
        self._grafana = grafana

    @asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        """Mark the time that this takes as the step's, if it goes well and there is a Grafana that lets us."""
        start_ms = _now_ms()
        yield
        if self._grafana is None:
            return
        tags = [TAG, f"run:{self._run}", f"contender:{step.contender}", f"peers:{step.peers}"]
        try:
            await asyncio.to_thread(self._grafana.annotate, str(step), tags, start_ms, _now_ms())
        except SwarmbenchError as error:
            self._grafana = None  # once is enough, and each try may take its time
            _warn(f"{error}; steps are not marked any more")


@asynccontextmanager
async def watched(port: int | None, observation: Observation | None, run: str) -> AsyncIterator[Watching]:
    """A run whose exporter is at `port`, if it has one; with an observation one also learns where to look."""
    if port is None:
        yield Watching(run, None)
        return
    place = observatory()
    with target(place.targets, port, _warn):
        if observation is None:
            yield Watching(run, None)
            return
        watch, page, start_ms = place.watch(), place.front_page(), _now_ms()
        url = observation.grafana or (watch.grafana if watch else None)
        if url is not None and page is not None:
            print(f"Watch it at {_link(url, page, run, start_ms)}", flush=True)
        elif watch is not None:
            print(f"Watch it at {watch.prometheus}; there is no Grafana (--grafana URL names one)", flush=True)
        else:
            print(f"Metrics are at http://{ADDRESS}:{port}/metrics; see them with: swarmbench observe", flush=True)
        yield Watching(run, _grafana(observation, url, watch, place))
        await asyncio.sleep(LINGER_S)
    if url is not None and page is not None:
        print(f"Dashboard of this run: {_link(url, page, run, start_ms, _now_ms())}", flush=True)


def _grafana(observation: Observation, url: str | None, watch: Watch | None, place: Observatory) -> Grafana | None:
    """The Grafana in which steps can be marked: with a token, or because it is the one that we have started."""
    try:
        if url is not None and observation.token is not None:
            return Grafana(Access(url, observation.token))
        if url is not None and watch is not None and url == watch.grafana:
            return Grafana(Access(url, (ADMINISTRATOR, place.password())))
    except SwarmbenchError as error:
        _warn(f"{error}; steps are not marked")
    return None


def _link(url: str, page: str, run: str, start_ms: int, end_ms: int | None = None) -> str:
    """The front page for one run and its time; without an end it goes on."""
    margin_ms = int(MARGIN_S * 1e3)
    span = {"from": start_ms - margin_ms, "to": "now" if end_ms is None else end_ms + margin_ms}
    going_on = {"refresh": "5s"} if end_ms is None else {}
    return f"{url}/d/{page}?{urlencode({'var-run': run, **span, **going_on})}"


def _now_ms() -> int:
    return int(time.time() * 1e3)


def _warn(message: str) -> None:
    print(f"swarmbench: warning: {' '.join(message.split())}", file=sys.stderr, flush=True)
