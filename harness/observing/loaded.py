"""A finished run in a Prometheus of its own: on a free port of loopback, in a directory that somebody else removes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from harness.contenders.readiness import until_ready
from harness.errors import SwarmbenchError
from harness.labs.processes import Processes
from harness.metrics.backfill import INSTALL, backfill, starting
from harness.metrics.export import Recording
from harness.observing.servers import ADDRESS, answers, opened, tie
from harness.ports import free_port

READY_S = 60.0
ANSWER_S = 30.0
GRACE_S = 20.0

POINTS = 300
"""Of a line over time: more would not be seen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One series that a query found: its labels, and its figures by seconds since 1970."""

    labels: Mapping[str, str]
    figures: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A Prometheus that knows one run, from its first sample to its last."""

    url: str
    first: float
    last: float

    @property
    def span_s(self) -> float:
        """How long the run took; a second at least."""
        return max(1.0, self.last - self.first)

    @property
    def step_s(self) -> float:
        """Between the points of a line over time."""
        return max(1.0, self.span_s / POINTS)

    async def at_the_end(self, query: str) -> list[Answer]:
        """What a query finds at the run's end; raises SwarmbenchError."""
        found = await self._get("query", query=query, time=self.last)
        return [Answer(each["metric"], [_figure(each["value"])]) for each in found]

    async def over_time(self, query: str) -> list[Answer]:
        """What it finds while the run lasted; raises SwarmbenchError."""
        found = await self._get("query_range", query=query, start=self.first, end=self.last, step=self.step_s)
        return [Answer(each["metric"], [_figure(value) for value in each["values"]]) for each in found]

    async def _get(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        # In a thread, so that who interrupts us does not have to wait for the answer.
        return await asyncio.to_thread(_fetched, f"{self.url}/api/v1/{path}?{urlencode(parameters)}")


@asynccontextmanager
async def loaded(recording: Recording, directory: Path) -> AsyncIterator[Loaded]:
    """Prometheus with a run's samples below an existing directory, ended afterwards; raises SwarmbenchError."""
    if shutil.which("prometheus") is None:
        raise SwarmbenchError(f"dashboards preview: prometheus is not installed; install it with: {INSTALL}")
    data, log = directory / "data", directory / "prometheus.log"
    backfill(recording, data)
    port, keeper = free_port(), Processes()
    url = f"http://{ADDRESS}:{port}"
    process = await keeper.start(tie(), starting(data, port), log=log, env=None)
    try:
        well = partial(asyncio.to_thread, answers, f"{url}/-/ready")
        await until_ready("Prometheus", process, log, well, READY_S)
        yield Loaded(url, recording.first, recording.last)
    finally:
        await process.stop(GRACE_S)


def _fetched(url: str) -> list[dict[str, Any]]:
    """The series in an answer of its API."""
    try:
        with opened(url, ANSWER_S) as response:
            found: list[dict[str, Any]] = json.load(response)["data"]["result"]
            return found
    except HTTPError as error:
        said = error.read().decode(errors="replace")
        raise SwarmbenchError(f"Prometheus refuses a query of the dashboard: {said}") from None
    except (OSError, ValueError, LookupError) as error:
        raise SwarmbenchError(f"Prometheus did not answer a query of the dashboard: {error}") from error


def _figure(pair: tuple[float, str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
