"""The calibration's probe: a process in the lab that sends real data over sample links and measures what arrives.

`python -m harness.labs.probe PLAN FINDINGS` reads a `Plan` and writes `Findings`, both JSON. One process plays every
host: it binds each end of a flow to its host's address, which is what a link is tied to.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import struct
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from harness.labs.pacing import Bucket

PINGS = 30
"""Few enough to fit into a link's burst: more would measure its rate, one small frame at a time."""
PING_TIME_S = 0.15
MIN_PINGS = 3
READ_BYTES = 1 << 18
WRITE_BYTES = 1 << 16
STAGGERED = 0.5
"""The share of a ramp over which flows begin: on links that are alike those that begin at once send in step, and the
waves that arrive are a rate only where a window holds whole ones."""


class Cap(msgspec.Struct, frozen=True):
    """Rates that a host keeps to by itself, in payload bytes per second; None where it does not."""

    up: float | None = None
    down: float | None = None


class Flow(msgspec.Struct, frozen=True):
    """One TCP connection that carries data from one address to another for as long as its phase lasts."""

    source: str
    target: str
    counted: bool = True
    """False for traffic that is only there to load a link."""


class Phase(msgspec.Struct, frozen=True):
    """The flows that one figure is found by, measured together for `window_s` after `ramp_s`.

    `buffer` is the size of the sockets' buffers: small ones keep the links' queues short, so that phases do not meet.
    """

    name: str
    flows: list[Flow]
    ramp_s: float
    window_s: float
    buffer: int
    caps: dict[str, Cap] = {}


class Plan(msgspec.Struct, frozen=True):
    """All that one probe measures: the round trip between two idle addresses, then round by round.

    The phases of a round share no host, and run side by side.
    """

    round_trip: Flow
    rounds: list[list[Phase]]


class Carried(msgspec.Struct, frozen=True):
    """The payload rate of a phase's counted flows together, and of each, in bytes/s."""

    rate: float
    flows: list[float]


class Findings(msgspec.Struct, frozen=True):
    """Seconds of the median round trip, and what was carried in each phase."""

    round_trip_s: float
    phases: dict[str, Carried]


class Arrivals:
    """Bytes that have arrived by when, over all flows of a phase."""

    def __init__(self) -> None:
        self._total = 0
        self._seen: list[tuple[float, int]] = []
        self._by_flow: dict[int, list[tuple[float, int]]] = {}

    def add(self, size: int, at: float, flow: int = 0) -> None:
        """Note that `size` more bytes of a flow have arrived at this time (seconds)."""
        self._total += size
        self._seen.append((at, self._total))
        self._by_flow.setdefault(flow, []).append((at, size))

    def flows_since(self, start: float, flows: int) -> list[float]:
        """Bytes per second of each of that many flows, from `start` to the last arrival of any."""
        span = self._seen[-1][0] - start if self._seen else 0.0
        sizes = [sum(size for at, size in self._by_flow.get(flow, ()) if at >= start) for flow in range(flows)]
        return [size / span if span > 0 else 0.0 for size in sizes]

    def rate_since(self, start: float) -> float:
        """Bytes per second from `start` on; 0 when fewer than two arrivals came.

        The median slope between arrivals that are a quarter of the window apart: when the machine pauses us for a
        moment, what has piled up meanwhile comes as a step, which would tilt a line from the first arrival to the last.
        """
        window = [seen for seen in self._seen if seen[0] >= start]
        far = window[max(1, len(window) // 4) :]
        slopes = [(c - b) / (t - s) for (s, b), (t, c) in zip(window, far, strict=False) if t > s]
        return statistics.median(slopes) if slopes else 0.0


async def measure(phase: Phase) -> Carried:
    """Run a phase."""
    up = {address: Bucket(cap.up) for address, cap in phase.caps.items() if cap.up}
    down = {address: Bucket(cap.down) for address, cap in phase.caps.items() if cap.down}
    arrivals, unimportant = Arrivals(), Arrivals()
    with ExitStack() as open_sockets:
        tasks = []
        for number, flow in enumerate(phase.flows):
            sender, receiver = connect(flow, phase.buffer)
            open_sockets.callback(_abort, sender)
            open_sockets.callback(_abort, receiver)
            tally = arrivals if flow.counted else unimportant
            later_s = phase.ramp_s * STAGGERED * number / len(phase.flows)
            tasks.append(asyncio.create_task(_send(sender, up.get(flow.source), later_s)))
            tasks.append(asyncio.create_task(_receive(receiver, tally, number, down.get(flow.target))))
        start = time.monotonic() + phase.ramp_s
        await asyncio.sleep(phase.ramp_s + phase.window_s)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
    shares = arrivals.flows_since(start, len(phase.flows))
    counted = [share for share, flow in zip(shares, phase.flows, strict=True) if flow.counted]
    return Carried(arrivals.rate_since(start), counted)


def connect(flow: Flow, buffer: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Both ends of a new connection: at the flow's source, and at its target."""
    with socket.socket() as listener, ExitStack() as on_failure:
        sender = on_failure.enter_context(socket.socket())
        if buffer is not None:
            # The window a connection may offer is settled when it is made, so set them before.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        listener.bind((flow.target, 0))
        listener.listen(1)
        sender.bind((flow.source, 0))
        sender.connect(listener.getsockname())
        receiver = listener.accept()[0]
        on_failure.pop_all()
    return sender, receiver


def _abort(end: socket.socket) -> None:
    """Close with a reset: what is still queued must not reach into the next phase."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


async def _send(end: socket.socket, bucket: Bucket | None, later_s: float) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(later_s)
    end.setblocking(False)
    data = bytes(bucket.share if bucket else WRITE_BYTES)
    while True:
        if bucket is not None:
            await bucket.take(len(data))
        await loop.sock_sendall(end, data)


async def _receive(end: socket.socket, arrivals: Arrivals, flow: int, bucket: Bucket | None) -> None:
    loop = asyncio.get_running_loop()
    end.setblocking(False)
    room = bytearray(bucket.share if bucket else READ_BYTES)
    while size := await loop.sock_recv_into(end, room):
        if bucket is not None:
            await bucket.take(size)
        arrivals.add(size, time.monotonic(), flow)


def median_round_trip(flow: Flow) -> float:
    """Median time of a one-byte ping and its answer, in seconds, between idle links.

    Plain blocking sockets: an event loop's wake-ups would take longer than the trip.
    """
    near, far = connect(flow)
    with near, far:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips: list[float] = []
        deadline = time.monotonic() + PING_TIME_S
        while len(trips) < PINGS and (len(trips) < MIN_PINGS or time.monotonic() < deadline):
            start = time.monotonic()
            near.sendall(b".")
            far.sendall(far.recv(1))
            near.recv(1)
            trips.append(time.monotonic() - start)
    return statistics.median(trips)


async def _probe(plan: Plan) -> Findings:
    round_trip_s = median_round_trip(plan.round_trip)
    carried: dict[str, Carried] = {}
    for phases in plan.rounds:
        found = await asyncio.gather(*map(measure, phases))
        carried.update((phase.name, each) for phase, each in zip(phases, found, strict=True))
    return Findings(round_trip_s, carried)


def main() -> None:
    """Do what the plan (first argument) says and write the findings (second argument)."""
    plan_path, findings_path = map(Path, sys.argv[1:])
    findings = asyncio.run(_probe(msgspec.json.decode(plan_path.read_bytes(), type=Plan)))
    findings_path.write_bytes(msgspec.json.encode(findings))


if __name__ == "__main__":
    main()
