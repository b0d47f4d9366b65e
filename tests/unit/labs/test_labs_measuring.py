"""How calibration turns arrivals into rates, and chooses what to measure with."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.labs.base import Host, HostSpec
from harness.labs.calibration import MOST_PEERS, RING, peers_needed
from harness.labs.pacing import Bucket
from harness.labs.probe import Arrivals


def arrivals(*seen: tuple[float, int]) -> Arrivals:
    tally = Arrivals()
    for at, size in seen:
        tally.add(size, at)
    return tally


def test_a_rate_is_what_arrived_over_the_time_it_took() -> None:
    """One thousand bytes every tenth of a second are ten thousand a second."""
    steady = arrivals(*((0.1 * tick, 1000) for tick in range(50)))
    assert steady.rate_since(1.0) == pytest.approx(10_000)


def test_the_ramp_does_not_count() -> None:
    """Whatever came before the start of the window leaves the rate alone."""
    ramp = [(0.01 * tick, 50_000) for tick in range(10)]
    steady = [(1 + 0.1 * tick, 1000) for tick in range(50)]
    assert arrivals(*ramp, *steady).rate_since(1.0) == pytest.approx(10_000)


def test_a_pause_of_the_machine_does_not_tilt_the_rate() -> None:
    """Bytes that pile up while nobody reads come as one step, right at the window's end here."""
    steady = [(0.1 * tick, 1000) for tick in range(40)]
    assert arrivals(*steady, (4.9, 10_000), (4.901, 1000)).rate_since(0.0) == pytest.approx(10_000, rel=0.02)


def test_too_few_arrivals_have_no_rate() -> None:
    """One arrival says nothing about speed."""
    assert arrivals((1.0, 1000)).rate_since(0.0) == 0


def test_a_bucket_holds_its_takers_to_the_rate_together() -> None:
    """Two takers of one bucket share it: half a second's worth of bytes takes them half a second."""

    async def take() -> float:
        bucket = Bucket(1e6)
        start = time.monotonic()

        async def half() -> None:
            for _ in range(50):
                await bucket.take(5000)

        await asyncio.gather(half(), half())
        return time.monotonic() - start

    assert asyncio.run(take()) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("server", "peer", "needed"),
    [
        ((40, 40), (8, 32), RING),
        ((100, 100), (1, 4), 50),
        ((4, 4), (1, 20), 37),
        ((1000, 1000), (0.25, 1), MOST_PEERS),
    ],
)
def test_enough_peers_are_asked_for_to_fill_every_link(
    server: tuple[float, float], peer: tuple[float, float], needed: int
) -> None:
    """The server's uplink needs many downlinks, a fast downlink many uplinks; within reason."""
    assert peers_needed(HostSpec("server", *server), Host("p", "10.1.0.2", *peer)) == needed
