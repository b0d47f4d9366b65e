"""What processes tell of themselves: their `/metrics` on Unix sockets, which cross the lab's network namespace.

The rule: a run never waits for it and never fails of it. Who does not answer in time is left with what it said last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from harness.results.roles import Role

EVERY_S = 1.0

PATIENCE_S = 0.5
"""A process that is not stuck answers within milliseconds."""

CONNECTIONS = ("p2p_connections", "baseline_server_connections")
UPLOADED = ("p2p_uploaded_bytes_total", "baseline_server_sent_bytes_total")
DUPLICATES = ("p2p_duplicate_bytes_total",)
HASH_FAILURES = ("p2p_hash_failures_total",)
FEWEST, MEAN = "p2p_piece_copies_fewest", "p2p_piece_copies_mean"
RESPONSES = "baseline_server_responses_total"

Reading = Mapping[tuple[str, ...], float]
"""Samples of one process: each by its name and the values of its labels."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """What the processes of a step told, summed up; of what nobody tells, there is nothing."""

    connections: Mapping[str, float] = field(default_factory=dict)
    """By role, like the bytes that were uploaded."""
    uploaded: Mapping[str, float] = field(default_factory=dict)
    responses: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By method and status."""
    duplicates: float | None = None
    hash_failures: float | None = None
    diversity: float | None = None


@asynccontextmanager
async def overhearing(sockets: Mapping[str, Iterable[Path]], heard: Callable[[Overheard], None]) -> AsyncIterator[None]:
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
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def summed_up(readings: Iterable[tuple[str, Reading]]) -> Overheard:
    """What the processes of several roles told, put together."""
    told = list(readings)
    return Overheard(
        connections=_by_role(told, CONNECTIONS),
        uploaded=_by_role(told, UPLOADED),
        responses=_responses(told),
        duplicates=_total(told, DUPLICATES),
        hash_failures=_total(told, HASH_FAILURES),
        diversity=_diversity([reading for role, reading in told if role == Role.PEERS]),
    )


def _by_role(told: Iterable[tuple[str, Reading]], names: Iterable[str]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for role, reading in told:
        for name in names:
            if (name,) in reading:
                totals[role] = totals.get(role, 0.0) + reading[name,]
    return totals


def _total(told: Iterable[tuple[str, Reading]], names: Iterable[str]) -> float | None:
    by_role = _by_role(told, names)
    return sum(by_role.values()) if by_role else None


def _responses(told: Iterable[tuple[str, Reading]]) -> dict[tuple[str, str], float]:
    totals: dict[tuple[str, str], float] = {}
    for _, reading in told:
        for name, value in reading.items():
            if name[0] == RESPONSES and len(name) == 3:
                totals[name[1], name[2]] = totals.get((name[1], name[2]), 0.0) + value
    return totals


def _diversity(readings: Iterable[Reading]) -> float | None:
    """Of several processes' peers, whichever has seen the fewest copies; over the mean of what they see."""
    seen = [(reading[FEWEST,], reading[MEAN,]) for reading in readings if (FEWEST,) in reading and (MEAN,) in reading]
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
