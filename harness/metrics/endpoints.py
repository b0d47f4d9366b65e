"""What processes tell of themselves: their `/metrics` on Unix sockets, which cross the lab's network namespace.

The rule: a run never waits for it and never fails of it. Who does not answer in time is left with what it said last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from harness.metrics import names
from harness.metrics.names import STEP, Family
from harness.results.roles import Role

EVERY_S = 1.0

PATIENCE_S = 0.5
"""A process that is not stuck answers within milliseconds."""

Overheard = Mapping[Family, Mapping[tuple[str, ...], float]]
"""What the processes of a step told, summed up: of each family its series, by the values of the labels that it has
beside the step's; of what nobody tells, there is nothing."""


Reading = Sequence[Sample]
"""What one process told."""

TOLD: Mapping[str, Family] = {
    "p2p_connections": names.CONNECTIONS,
    "baseline_server_connections": names.CONNECTIONS,
    "p2p_uploaded_bytes_total": names.UPLOADED,
    "baseline_server_sent_bytes_total": names.UPLOADED,
    "p2p_duplicate_bytes_total": names.DUPLICATES,
    "p2p_hash_failures_total": names.HASH_FAILURES,
    "baseline_server_responses_total": names.RESPONSES,
    "p2p_connection_states": names.STATES,
    "p2p_requests_pending": names.PENDING,
    "p2p_requests_depth": names.QUEUES,
    "tracker_questions_total": names.QUESTIONS,
    "tracker_peers": names.KNOWN,
    "tracker_datagrams_total": names.DATAGRAMS,
    "supernode_neighbours": names.MATES,
    "supernode_dropped": names.UNHEARD,
    "supernode_refused": names.UNHEARD,
}
"""In which family a process' figure is summed up."""

FEWEST, MEAN = "p2p_piece_copies_fewest", "p2p_piece_copies_mean"


@asynccontextmanager
async def overhearing(
    sockets: Mapping[Role, Iterable[Path]], heard: Callable[[Overheard], None]
) -> AsyncIterator[None]:
    """Read the endpoints of these roles' processes every second as long as this lasts, and once more at its end."""
    async with AsyncExitStack() as stack:
        endpoints = [
            (role, await stack.enter_async_context(_session(socket)))
            for role, of_role in sockets.items()
            for socket in of_role
        ]
        last: dict[int, tuple[str, Reading]] = {}

        async def read() -> None:
            readings = await asyncio.gather(*(_read(session) for _, session in endpoints))
            for number, ((role, _), reading) in enumerate(zip(endpoints, readings, strict=True)):
                if reading is not None:
                    last[number] = (role, reading)
            heard(summed_up(last.values()))

        async def keep_reading() -> None:
            while True:
                await read()
                await asyncio.sleep(EVERY_S)

        reading = asyncio.create_task(keep_reading())
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await read()


def parsed(text: str) -> Reading:
    """The samples in a text; raises ValueError for one in no format that we know."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def summed_up(readings: Iterable[tuple[str, Reading]]) -> Overheard:
    """What the processes of several roles told, put together."""
    told = list(readings)
    totals: dict[Family, dict[tuple[str, ...], float]] = {}
    for role, reading in told:
        for sample in reading:
            family = TOLD.get(sample.name)
            if family is not None and (labels := _labels(family, {**sample.labels, "role": role})) is not None:
                series = totals.setdefault(family, {})
                series[labels] = series.get(labels, 0.0) + sample.value
    diversity = _diversity([reading for role, reading in told if role == Role.PEERS])
    return totals if diversity is None else {**totals, names.DIVERSITY: {(): diversity}}


def _labels(family: Family, told: Mapping[str, str]) -> tuple[str, ...] | None:
    """The values of the family's own labels; None if somebody's program, of whatever make, tells them otherwise."""
    wanted = family.labels[len(STEP) :]
    return tuple(told[name] for name in wanted) if told.keys() >= set(wanted) else None


def _diversity(readings: Iterable[Reading]) -> float | None:
    """Of several processes' peers, whichever has seen the fewest copies; over the mean of what they see."""
    figures = [{sample.name: sample.value for sample in reading} for reading in readings]
    seen = [(each[FEWEST], each[MEAN]) for each in figures if FEWEST in each and MEAN in each]
    if not seen:
        return None
    mean = sum(mean for _, mean in seen) / len(seen)
    return min(fewest for fewest, _ in seen) / mean if mean else None


def _session(socket: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        "http://process",
        connector=aiohttp.UnixConnector(str(socket), limit=1),
        timeout=aiohttp.ClientTimeout(PATIENCE_S),
    )


async def _read(session: aiohttp.ClientSession) -> Reading | None:
    """What a process tells; None if it does not, or not in time, or not in Prometheus' format."""
    try:
        async with session.get("/metrics") as response:
            return parsed(await response.text()) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
