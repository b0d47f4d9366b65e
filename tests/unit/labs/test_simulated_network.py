"""The simulated network: links, streams, datagrams, rules and what becomes of hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.labs.simulated.clock import Clock
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.links import FRAME, SEGMENT, Downlink, Flow, Uplink, on_wire
from harness.labs.simulated.network import DIAL_S, Network
from harness.labs.simulated.rules import Weather, partition, slow
from harness.labs.simulated.streams import WINDOW, Stream

PORT = 80
RATE = 1e6


class Recorder:
    """Owns streams, and notes what comes and when."""

    def __init__(self, network: Network) -> None:
        self.clock = network.clock
        self.heard: list[tuple[float, Any]] = []
        self.lost_at: list[float] = []
        self.streams: list[Stream] = []

    def received(self, stream: Stream, payload: Any, size: int) -> None:
        self.heard.append((self.clock.now, payload))

    def lost(self, stream: Stream) -> None:
        self.lost_at.append(self.clock.now)

    def take(self, stream: Stream) -> None:
        stream.owner = self
        self.streams.append(stream)


def never() -> None:
    raise AssertionError("the dial failed")


def connect(network: Network, source: Host, to: Host) -> tuple[Stream, Recorder, Recorder]:
    """A connection, its dialling end, and who hears at either end."""
    here, there = Recorder(network), Recorder(network)
    to.accepts[PORT] = there.take
    source.dial((to.address, PORT), here.take, never)
    network.clock.run(network.clock.now + 1)
    return here.streams[0], here, there


def two_hosts(up: float = RATE, down: float = RATE, **how: Any) -> tuple[Network, Host, Host]:
    network = Network(1, **how)
    return network, network.add_host(up, down), network.add_host(up, down)


def test_events_at_the_same_moment_happen_in_the_order_they_were_asked_for() -> None:
    clock, seen = Clock(), list[str]()
    for name in ("first", "second", "third"):
        clock.at(1.0, seen.append, name)
    clock.run()
    assert seen == ["first", "second", "third"] and clock.now == 1.0


def test_flows_share_an_uplink_evenly_and_each_sends_its_own_in_order() -> None:
    """Two flows of one message, and one of two: three at a third each, until the short ones are done."""
    clock, left = Clock(), list[tuple[str, float]]()
    uplink = Uplink(clock, 300.0)
    flows = {name: Flow() for name in "abc"}
    for flow, size in (("a", 100.0), ("b", 100.0), ("c", 100.0), ("c", 100.0)):
        uplink.carry(flows[flow], size, lambda name: left.append((name, clock.now)), flow)
    clock.run()
    assert [name for name, _ in left] == ["a", "b", "c", "c"]
    assert [when for _, when in left] == pytest.approx([1, 1, 1, 1 + 1 / 3])


def test_a_flow_that_comes_later_takes_its_share_from_then_on() -> None:
    clock, left = Clock(), dict[str, float]()
    uplink = Uplink(clock, 100.0)

    def carry(name: str) -> None:
        uplink.carry(Flow(), 100.0, lambda: left.update({name: clock.now}))

    carry("early")
    clock.at(0.5, carry, "late")
    clock.run()
    assert left == {"early": pytest.approx(1.5), "late": pytest.approx(2.0)}


def test_acknowledgements_take_their_time_of_the_uplink() -> None:
    clock, left = Clock(), list[float]()
    uplink = Uplink(clock, 100.0)
    uplink.carry(Flow(), 100.0, lambda: left.append(clock.now))
    uplink.acknowledge(10.0)
    clock.run()
    assert left == [pytest.approx(1.1)]


def test_an_uplink_without_a_rate_carries_nothing() -> None:
    clock, left = Clock(), list[bool]()
    uplink = Uplink(clock, 0.0)
    uplink.carry(Flow(), 1.0, left.append, True)
    clock.run(100.0)
    assert not left


def test_a_downlink_is_as_fast_as_it_is_and_no_faster_than_what_comes() -> None:
    downlink = Downlink(100.0)
    assert downlink.receive(0.0, 5.0, 100.0) == 5.0  # came slowly: here with its last byte
    assert downlink.receive(5.0, 5.0, 100.0) == pytest.approx(6.0)
    assert downlink.receive(5.0, 5.0, 100.0) == pytest.approx(7.0)  # waits for the one before


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5000), st.floats(0, 3)), min_size=1, max_size=60))
def test_what_is_sent_leaves_whole_and_never_faster_than_the_link(plan: list[tuple[int, int, float]]) -> None:
    """Bytes are conserved, order is kept within a flow, and by no moment has more left than the rate allows."""
    clock, rate = Clock(), 1000.0
    uplink = Uplink(clock, rate)
    flows = [Flow() for _ in range(5)]
    left: list[tuple[float, int, int]] = []
    asked: list[list[int]] = [[] for _ in flows]

    def carry(number: int, size: int) -> None:
        asked[number].append(size)
        uplink.carry(flows[number], size, lambda: left.append((clock.now, number, size)))

    for number, size, when in plan:
        clock.at(when, carry, number, size)
    clock.run()
    assert [[size for _, of, size in left if of == number] for number in range(5)] == asked
    begin, total = min(when for _, _, when in plan), 0
    for when, _, size in left:
        total += size
        assert total <= rate * (when - begin) + 1
    busy_until = 0.0
    for _, size, when in sorted(plan, key=lambda item: item[2]):
        busy_until = max(busy_until, when) + size / rate
    assert left[-1][0] == pytest.approx(busy_until)  # never idle while something waits


def test_a_stream_carries_payload_at_the_rate_that_headers_leave() -> None:
    network, source, to = two_hosts()
    stream, _, there = connect(network, source, to)
    began, size = network.clock.now, 100 * SEGMENT
    stream.write("all of it", size)
    network.clock.run(10)
    (when, payload), *rest = there.heard
    assert payload == "all of it" and not rest
    assert when - began == pytest.approx(100 * FRAME / RATE + network.delay_s, rel=1e-3)


def test_a_connection_is_there_after_the_trips_that_tcp_takes() -> None:
    network, source, to = two_hosts(delay_s=0.1)
    opened, accepted = Recorder(network), Recorder(network)
    times: list[float] = []
    to.accepts[PORT] = lambda stream: (accepted.take(stream), times.append(network.clock.now))[0]
    source.dial((to.address, PORT), lambda stream: (opened.take(stream), times.append(network.clock.now))[0], never)
    network.clock.run(2)
    assert times == [pytest.approx(0.2, abs=0.001), pytest.approx(0.3, abs=0.001)]


def failed_after(network: Network, source: Host, to: str) -> float:
    """When a dial fails, in seconds from now."""
    began, failed = network.clock.now, list[float]()
    source.dial((to, PORT), lambda _: never(), lambda: failed.append(network.clock.now - began))
    network.clock.run(began + 20)
    return failed[0]


def test_who_does_not_listen_refuses_at_once_and_who_is_gone_never_answers() -> None:
    network, source, to = two_hosts()
    assert failed_after(network, source, to.address) < 0.01
    to.vanish()
    assert failed_after(network, source, to.address) == pytest.approx(DIAL_S, abs=0.01)


def test_a_close_is_heard_behind_what_was_written_and_a_reset_is_not() -> None:
    network, source, to = two_hosts()
    stream, here, there = connect(network, source, to)
    stream.write("last words", 100_000)
    stream.close()
    network.clock.run(5)
    assert [payload for _, payload in there.heard] == ["last words"]
    assert there.lost_at[0] >= there.heard[0][0] and not here.lost_at
    stream, here, there = connect(network, source, to)
    stream.write("never heard", 100_000)
    stream.reset()
    network.clock.run(10)
    assert not there.heard and len(there.lost_at) == 1


def test_who_writes_to_an_end_that_is_closed_hears_that_nobody_listens() -> None:
    network, source, to = two_hosts()
    stream, here, there = connect(network, source, to)
    there.streams[0].write("half", 500_000)
    there.streams[0].close()
    stream.write("too late", 10)
    network.clock.run(5)
    assert there.heard == [] and (here.lost_at or here.heard)


def test_no_more_than_a_window_is_on_its_way_to_a_slow_receiver() -> None:
    """So a third host gets what the slow one cannot take."""
    network = Network(1)
    source, slow_one, fast_one = (
        network.add_host(RATE, RATE),
        network.add_host(RATE, RATE / 10),
        network.add_host(RATE, RATE),
    )
    to_slow, _, _ = connect(network, source, slow_one)
    to_fast, _, there = connect(network, source, fast_one)
    began = network.clock.now
    for _ in range(100):
        to_slow.write("s", WINDOW // 10)
        to_fast.write("f", WINDOW // 10)
    network.clock.run(began + 60)
    took = there.heard[-1][0] - began
    assert took == pytest.approx((10 * WINDOW + 2 * WINDOW) * FRAME / SEGMENT / RATE, rel=0.1)


def test_a_sender_is_told_when_little_is_left_to_send() -> None:
    network, source, to = two_hosts()
    stream, _, _ = connect(network, source, to)
    told: list[float] = []
    stream.write("a", 16_000)
    assert stream.tell_when_room(16_000, lambda _: told.append(0.0))
    stream.write("b", 16_000)
    assert not stream.tell_when_room(16_000, lambda _: told.append(network.clock.now))
    began = network.clock.now
    network.clock.run(5)
    assert told == [pytest.approx(began + on_wire(16_000) / RATE, rel=0.01)]


def test_a_partition_holds_streams_and_loses_datagrams_until_it_ends() -> None:
    network, source, to = two_hosts()
    stream, here, there = connect(network, source, to)
    datagrams: list[bytes] = []
    to.hears[PORT] = lambda _, data: datagrams.append(data)
    rule = partition({to.address})
    network.add_rule(rule)
    stream.write("held", 100)
    stream.write("held, too", 100)
    source.send_datagram(PORT, (to.address, PORT), b"lost")
    network.clock.run(5)
    assert not there.heard and not datagrams
    network.end_rule(rule)
    source.send_datagram(PORT, (to.address, PORT), b"heard")
    network.clock.run(10)
    assert [payload for _, payload in there.heard] == ["held", "held, too"] and datagrams == [b"heard"]
    assert not here.lost_at and not there.lost_at


def test_a_rule_delays_what_its_hosts_send() -> None:
    network, source, to = two_hosts()
    stream, _, there = connect(network, source, to)
    network.add_rule(slow({source.address}, 2.0))
    began = network.clock.now
    stream.write("late", 10)
    network.clock.run(began + 5)
    assert there.heard[0][0] - began == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("weather", "check"),
    [
        (Weather(loss=0.5), lambda got: 300 < len(got) < 700),
        (Weather(duplication=0.5), lambda got: 1300 < len(got) < 1700),
        (Weather(corruption=0.5), lambda got: len(got) == 1000 and 300 < sum(len(set(d)) > 1 for d in got) < 700),
        (Weather(lateness=0.5), lambda got: len(got) == 1000 and got[:200] != sorted(got[:200])),
    ],
    ids=["loss", "duplication", "corruption", "reordering"],
)
def test_datagrams_have_weather(weather: Weather, check: Callable[[list[bytes]], bool]) -> None:
    network, source, to = two_hosts(weather=weather)
    got: list[bytes] = []
    to.hears[PORT] = lambda _, data: got.append(data)
    for number in range(1000):
        network.clock.at(number * 0.01, source.send_datagram, PORT, (to.address, PORT), bytes([number % 200]) * 8)
    network.clock.run(60)
    assert check(got)


def test_a_host_that_dies_resets_its_connections_and_one_that_vanishes_does_not() -> None:
    network, source, to = two_hosts()
    _, here, _ = connect(network, source, to)
    to.die()
    network.clock.run(network.clock.now + 1)
    assert len(here.lost_at) == 1
    stream, here, _ = connect(network, source, to)
    to.vanish()
    stream.write("hello?", 10)
    network.clock.run(network.clock.now + 60)
    assert not here.lost_at


def test_a_frozen_host_accepts_and_acknowledges_and_answers_when_it_thaws() -> None:
    network, source, to = two_hosts()
    to.freeze()
    there = Recorder(network)
    to.accepts[PORT] = there.take
    here = Recorder(network)
    source.dial((to.address, PORT), here.take, never)
    network.clock.run(1)
    here.streams[0].write("anybody?", 10)
    network.clock.run(5)
    assert not there.streams and here.streams
    to.thaw()
    network.clock.run(6)
    assert [payload for _, payload in there.heard] == ["anybody?"]
