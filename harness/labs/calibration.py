"""What a lab's links really carry: measured before every run, and the rates that the theory's bounds are computed from.

An emulator's word is not enough (another tool's "100 Mbit/s" was measured at 750). A probe in the lab sends real TCP
data over sample links, one figure after another, and counts what arrives once the connections have left slow start.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import msgspec

from harness.errors import SwarmbenchError
from harness.labs.base import SERVER, Host, HostSpec, Lab
from harness.labs.keeper import module_argv
from harness.labs.probe import Cap, Findings, Flow, Phase, Plan
from harness.results.schema import Calibration, PeerRates

FRAME = 1514
PAYLOAD = 1448 / FRAME
MARGIN = 2.0
"""A link counts as filled when what surrounds it could carry this much: flows share a link unevenly at first."""
RING = 4
"""Peers that send to one another in a circle for the duplex rate; two would do, four smooth it."""
MOST_PEERS = 64
RAMP_S = 0.25
WINDOW_S = 0.5
SLOWEST_WINDOW_S = 1.5
WINDOW_FRAMES = 60
"""A slow link's window is long enough for this many frames, up to SLOWEST_WINDOW_S."""
QUEUE_S = 0.1
"""Buffers hold this much of a link's time, so that its queue is never long."""
MIN_BUFFER, MAX_BUFFER = 1 << 15, 1 << 20
TIMEOUT_S = 60.0


def peers_needed(server: Host | HostSpec, peer: Host | HostSpec) -> int:
    """How many peers to lay out, whatever the run itself needs, so that every figure can be measured in full.

    With fewer, `calibrate` measures what those can carry: a server's uplink no faster than all its peers' downlinks.
    """
    to_fill_server = math.ceil(MARGIN * server.up / peer.down)
    to_fill_peer = 1 + math.ceil(max(0.0, MARGIN * peer.down - server.up) / peer.up)
    to_drain_peer = 1 + math.ceil(max(0.0, MARGIN * peer.up - server.down) / peer.down)
    return min(MOST_PEERS, max(RING, to_fill_server, to_fill_peer, to_drain_peer))


async def calibrate(lab: Lab, hosts: Sequence[Host], scratch: Path) -> Calibration:
    """Measure sample links among `hosts` – the server and at least one peer, all idle – in about 4 s.

    Of each class of peers' links the first is measured, which takes some 3 s for every class but one. In a lab that
    does not shape its links the probe caps itself as contenders do. Files go to `scratch`. Raises SwarmbenchError when
    the probe fails.
    """
    server = next(host for host in hosts if host.name == SERVER)
    classes: dict[tuple[float, float], list[Host]] = {}
    for host in hosts:
        if host.name != SERVER:
            classes.setdefault((host.up, host.down), []).append(host)
    groups = [group[:MOST_PEERS] for group in classes.values()]
    plan = Plan(
        round_trip=Flow(groups[0][0].address, server.address),
        phases=[
            _sending("server_up", server, groups[0], lab),
            *(phase for number, group in enumerate(groups) for phase in _phases_of(number, server, group, lab)),
        ],
    )
    findings = await _run(lab, plan, scratch)
    measured = [_rates_of(number, group[0], findings) for number, group in enumerate(groups)]
    return Calibration(
        server_up=findings.rates["server_up"],
        peer_up=measured[0].up,
        peer_up_duplex=measured[0].up_duplex,
        peer_down=measured[0].down,
        round_trip_s=findings.round_trip_s,
        classes=measured if len(measured) > 1 else [],
    )


def _phases_of(number: int, server: Host, group: Sequence[Host], lab: Lab) -> list[Phase]:
    """How the links of one class are measured, on its first peer."""
    peer, *rest = group
    return [
        _sending(f"peer_up_{number}", peer, [server, *rest], lab),
        _receiving(f"peer_down_{number}", peer, [server, *rest], lab),
        _duplex(f"peer_up_duplex_{number}", peer, rest[: RING - 1] or [server], lab),
    ]


def _rates_of(number: int, peer: Host, findings: Findings) -> PeerRates:
    return PeerRates(
        nominal_up=peer.up,
        nominal_down=peer.down,
        up=findings.rates[f"peer_up_{number}"],
        up_duplex=findings.rates[f"peer_up_duplex_{number}"],
        down=findings.rates[f"peer_down_{number}"],
    )


def _sending(name: str, host: Host, others: Sequence[Host], lab: Lab) -> Phase:
    """Fill one host's uplink, towards as many others as it takes."""
    targets = _enough(others, [other.down for other in others], host.up)
    flows = [Flow(host.address, target.address) for target in targets]
    return _phase(name, host.up, len(flows), flows, _caps(lab, [host, *targets]))


def _receiving(name: str, host: Host, others: Sequence[Host], lab: Lab) -> Phase:
    """Fill one host's downlink, from as many others as it takes."""
    sources = _enough(others, [other.up for other in others], host.down)
    flows = [Flow(source.address, host.address) for source in sources]
    return _phase(name, host.down, len(flows), flows, _caps(lab, [host, *sources]))


def _duplex(name: str, host: Host, others: Sequence[Host], lab: Lab) -> Phase:
    """Let hosts send in a ring at one rate, so that data and the acknowledgements of as much data share each uplink.

    Peers do so by themselves; the server, standing in when there is one peer only, is held to the peer's rate.
    """
    ring = [host, *others]
    flows = [
        Flow(source.address, target.address, counted=source is host)
        for source, target in zip(ring, [*others, host], strict=True)
    ]
    held = {other.address: Cap(up=host.up * PAYLOAD) for other in others if other.up != host.up}
    return _phase(name, host.up, 1, flows, {**_caps(lab, ring), **held})


def _enough(hosts: Sequence[Host], rates: Sequence[float], rate: float) -> Sequence[Host]:
    """The first hosts whose rates together exceed `rate` by the margin; all of them if they never do."""
    for count, total in enumerate(accumulate(rates), start=1):
        if total >= MARGIN * rate:
            return hosts[:count]
    return hosts


def _caps(lab: Lab, hosts: Sequence[Host]) -> dict[str, Cap]:
    return {} if lab.shapes_links else {host.address: Cap(host.up, host.down) for host in hosts}


def _phase(name: str, rate: float, sharing: int, flows: list[Flow], caps: dict[str, Cap]) -> Phase:
    """A phase that measures a link of `rate`, which as many flows share."""
    window_s = min(SLOWEST_WINDOW_S, max(WINDOW_S, WINDOW_FRAMES * FRAME / rate))
    buffer = round(min(MAX_BUFFER, max(MIN_BUFFER, rate / sharing * QUEUE_S)))
    return Phase(name, flows, RAMP_S, window_s, buffer, caps)


async def _run(lab: Lab, plan: Plan, scratch: Path) -> Findings:
    plan_path, findings_path, log = scratch / "probe-plan.json", scratch / "probe-findings.json", scratch / "probe.log"
    plan_path.write_bytes(msgspec.json.encode(plan))
    process = await lab.start(module_argv("harness.labs.probe", str(plan_path), str(findings_path)), log=log)
    try:
        status = await asyncio.wait_for(process.wait(), TIMEOUT_S)
    except TimeoutError:
        await process.stop()
        raise SwarmbenchError(f"calibration took more than {TIMEOUT_S:.0f} s; is the machine overloaded?") from None
    if status != 0:
        last_line = (log.read_text(errors="replace").strip().splitlines() or [f"exit code {status}"])[-1]
        raise SwarmbenchError(f"calibration failed: {last_line}; the whole of it is in {log}")
    findings = msgspec.json.decode(findings_path.read_bytes(), type=Findings)
    for name, rate in findings.rates.items():
        if rate <= 0:
            raise SwarmbenchError(f"calibration saw no data arrive while measuring {name}; are the links far too slow?")
    return findings
