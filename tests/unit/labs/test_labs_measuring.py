"""How calibration turns arrivals into rates, and chooses what to measure with."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.labs.base import Host, HostSpec
from harness.labs.pacing import Bucket
from harness.labs.probe import Arrivals
from harness.labs.rounds import MOST_LAID_OUT, SIDE_BY_SIDE, Direction, peers_needed, rounds


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
        ((40, 40), (8, 32), 10),
        ((100, 100), (1, 4), MOST_LAID_OUT),
        ((4, 4), (1, 20), 41),
        ((40, 40), (40, 40), 5),
    ],
)
def test_enough_peers_are_asked_for_to_fill_every_link(
    server: tuple[float, float], peer: tuple[float, float], needed: int
) -> None:
    """The server's uplink needs many downlinks, a fast downlink many uplinks; within reason."""
    assert peers_needed(HostSpec("server", *rates(server)), Host("p", "10.1.0.2", *rates(peer))) == needed


def rates(megabits: tuple[float, float]) -> tuple[float, float]:
    return megabits[0] * 1e6 / 8, megabits[1] * 1e6 / 8


def hosts(count: int, up: float = 8, down: float = 32) -> list[Host]:
    return [Host(f"p{number}", f"10.1.{up:.0f}.{number}", *rates((up, down))) for number in range(1, count + 1)]


SERVER = Host("server", "10.1.0.1", 5e6, 5e6)


@pytest.mark.parametrize("count", [1, 2, 10, 64])
def test_figures_of_a_round_share_no_host_and_are_no_work_for_the_machine(count: int) -> None:
    """What runs side by side must not meet on a link, nor on the processor."""
    for figures in rounds(SERVER, [hosts(count), hosts(count, 16, 64)]):
        names = [host.address for figure in figures for host in figure.hosts]
        assert len(set(names)) == len(names)
        assert len(figures) == 1 or sum(figure.load for figure in figures) <= SIDE_BY_SIDE


@pytest.mark.parametrize("count", [1, 2, 10, 64])
def test_every_link_is_measured_in_every_direction_however_few_peers_there_are(count: int) -> None:
    """Each figure is there once, and none has a host that talks to itself."""
    placed = [figure for figures in rounds(SERVER, [hosts(count)]) for figure in figures]
    assert sorted(figure.name for figure in placed) == [
        "peer_down_0", "peer_down_one_0", "peer_up_0", "peer_up_duplex_0", "peer_up_one_0", "server_down", "server_up",
    ]  # fmt: skip
    assert all(flow.source != flow.target for figure in placed for flow in figure.flows)


def test_what_is_expected_counts_headers_acknowledgements_and_the_other_ends() -> None:
    """1448 of 1514 bytes; less while receiving; and no more than the links on the other side carry."""
    placed = {figure.name: figure for figures in rounds(SERVER, [hosts(10)]) for figure in figures}
    assert placed["peer_up_0"].expected(shaped=True) == pytest.approx(1e6 * 0.9564, rel=1e-4)
    assert placed["peer_up_0"].expected(shaped=False) == 1e6
    assert placed["peer_up_duplex_0"].direction is Direction.DUPLEX
    assert placed["peer_up_duplex_0"].expected(shaped=True) == pytest.approx(1e6 * 0.936, rel=1e-3)
    one = {figure.name: figure for figures in rounds(SERVER, [hosts(1)]) for figure in figures}
    assert one["server_up"].expected(shaped=True) == pytest.approx(4e6 * 0.9564, rel=1e-4)


def test_the_servers_uplink_is_filled_by_as_many_of_the_runs_peers_as_it_takes() -> None:
    """A crowd of a thousand slow peers can take all it sends, so all it sends is what their bound must rest on."""
    addresses = [f"10.2.{number // 250}.{number % 250}" for number in range(1000)]
    slow = [Host(address, address, *rates((0.064, 0.256))) for address in addresses]
    placed = {figure.name: figure for figures in rounds(SERVER, [slow]) for figure in figures}
    assert placed["server_up"].reachable == SERVER.up
    assert len(placed["server_down"].others) == MOST_LAID_OUT


def test_the_servers_link_is_filled_by_the_class_that_can() -> None:
    """Where a few slow peers come first, those with fast links take what the server sends."""
    groups = [hosts(4, 1, 4), hosts(4, 16, 64)]
    placed = {figure.name: figure for figures in rounds(SERVER, groups) for figure in figures}
    assert {other.up for other in placed["server_up"].others} == {2e6}
    assert placed["server_up"].reachable == SERVER.up


def test_a_window_is_long_enough_for_several_turns_of_every_flow() -> None:
    """Four flows over 1 Mbit/s take 50 ms each to send four frames; half a second would cut one turn of ten short."""
    placed = {figure.name: figure for figures in rounds(SERVER, [hosts(10, 1, 4)]) for figure in figures}
    phase = placed["peer_up_0"].phase(shaped=True)
    a_turn_each_s = 4 * 4 * 1514 / placed["peer_up_0"].reachable
    assert len(phase.flows) == 4
    assert phase.window_s >= 9 * a_turn_each_s


def test_slow_peers_are_filled_by_the_server() -> None:
    """Their own uplinks would hold a first window for longer than TCP waits before it sends again."""
    slow = [Host(f"p{number}", f"10.1.9.{number}", *rates((0.128, 1))) for number in range(1, 20)]
    placed = {figure.name: figure for figures in rounds(SERVER, [slow]) for figure in figures}
    assert {other.name for other in placed["peer_down_0"].others} == {"server"}
    assert len(placed["peer_up_0"].others) == 1


def test_a_flow_is_told_apart_from_the_others() -> None:
    """Shares of a link are counted after the ramp, flow by flow; one that got nothing has nothing."""
    tally = Arrivals()
    for tick in range(20):
        tally.add(1000, 0.1 * tick, flow=0)
        tally.add(3000, 0.1 * tick, flow=2)
    none, *_ = Arrivals().flows_since(0.0, 1)
    first, second, third = tally.flows_since(1.0, 3)
    assert (none, second) == (0, 0)
    assert third == pytest.approx(3 * first)
