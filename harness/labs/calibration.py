"""What a lab's links really carry: measured before every run, and the rates that the theory's bounds are computed from.

An emulator's word is not enough (another tool's "100 Mbit/s" was measured at 750). A probe in the lab sends real TCP
data over sample links, and counts what arrives once the connections have left slow start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import SwarmbenchError
from harness.labs.base import SERVER, Host, Lab
from harness.labs.keeper import module_argv
from harness.labs.probe import Carried, Findings, Flow, Plan
from harness.labs.rounds import Direction, Figure, rounds
from harness.labs.simulated.network import DELAY_S
from harness.results.fairness import jain
from harness.results.schema import Calibration, LinkRate, PeerRates

DOUBTFUL = 0.02
"""A figure further off than this is measured a second time: a pause of the machine shows once, a wrong link twice."""
TIMEOUT_S = 60.0


async def calibrate(lab: Lab, hosts: Sequence[Host], scratch: Path) -> Calibration:
    """Measure sample links among `hosts` – the server and at least one peer, all idle – in 3 s, very slow links in 20.

    Of each class of peers' links a few are measured. In a lab that does not shape its links the probe caps itself as
    contenders do, and in one where nothing is real the links are what they are computed to be. Files go to `scratch`.
    Raises SwarmbenchError when the probe fails.
    """
    server = next(host for host in hosts if host.name == SERVER)
    classes: dict[tuple[float, float], list[Host]] = {}
    for host in hosts:
        if host.name != SERVER:
            classes.setdefault((host.up, host.down), []).append(host)
    groups = list(classes.values())
    wanted = rounds(server, groups)
    idle = Flow(groups[0][0].address, server.address)
    found = _computed(wanted) if lab.virtual else await _run(lab, idle, wanted, scratch)
    if doubtful := _doubtful(lab, wanted, found.phases):
        found.phases.update((await _run(lab, idle, doubtful, scratch)).phases)
    names = [_name(group[0], len(groups)) for group in groups]
    figures = sorted((figure for figures in wanted for figure in figures), key=lambda figure: figure.name)
    measured = [_rates_of(number, group[0], found) for number, group in enumerate(groups)]
    return Calibration(
        server_up=found.phases["server_up"].rate,
        peer_up=measured[0].up,
        peer_up_duplex=measured[0].up_duplex,
        peer_down=measured[0].down,
        round_trip_s=found.round_trip_s,
        classes=measured if len(measured) > 1 else [],
        links=[_link_rate(figure, found.phases[figure.name], names, lab) for figure in figures],
    )


def _computed(wanted: Sequence[Sequence[Figure]]) -> Findings:
    figures = [figure for figures in wanted for figure in figures]
    return Findings(2 * DELAY_S, {figure.name: _carries(figure) for figure in figures})


def _carries(figure: Figure) -> Carried:
    rate, flows = figure.expected(shaped=True), len(figure.others)
    return Carried(rate, [rate / flows] * flows)


def _doubtful(lab: Lab, wanted: Sequence[Sequence[Figure]], found: dict[str, Carried]) -> list[list[Figure]]:
    def off(figure: Figure) -> bool:
        return abs(found[figure.name].rate / figure.expected(shaped=lab.shapes_links) - 1) > DOUBTFUL

    again = [[figure for figure in figures if off(figure)] for figures in wanted]
    return [figures for figures in again if figures]


def _rates_of(number: int, peer: Host, found: Findings) -> PeerRates:
    return PeerRates(
        nominal_up=peer.up,
        nominal_down=peer.down,
        up=found.phases[f"peer_up_{number}"].rate,
        up_duplex=found.phases[f"peer_up_duplex_{number}"].rate,
        down=found.phases[f"peer_down_{number}"].rate,
    )


def _name(peer: Host, classes: int) -> str:
    """What the links of a peer are called; their rates tell classes apart."""
    return "peer" if classes == 1 else f"peer {peer.up * 8 / 1e6:g}/{peer.down * 8 / 1e6:g} Mbit/s"


def _link_rate(figure: Figure, carried: Carried, names: Sequence[str], lab: Lab) -> LinkRate:
    owner, _, number = figure.name.rpartition("_")
    of_one = owner == "peer_down_one"  # whose other end, the server, is the figure's subject
    several = len(carried.flows) > 1
    return LinkRate(
        link=names[int(number)] if owner.startswith("peer") else "server",
        direction=Direction.DOWN.value if of_one else figure.direction.value,
        nominal=figure.others[0].down if of_one else figure.nominal,
        expected=figure.expected(shaped=lab.shapes_links),
        measured=carried.rate,
        flows=len(carried.flows),
        fairness_jain=jain(carried.flows) if several else None,
    )


async def _run(lab: Lab, idle: Flow, wanted: Sequence[Sequence[Figure]], scratch: Path) -> Findings:
    plan_path, findings_path, log = scratch / "probe-plan.json", scratch / "probe-findings.json", scratch / "probe.log"
    plan = Plan(idle, [[figure.phase(shaped=lab.shapes_links) for figure in figures] for figures in wanted])
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
    for name, carried in findings.phases.items():
        if carried.rate <= 0:
            raise SwarmbenchError(f"calibration saw no data arrive while measuring {name}; are the links far too slow?")
    return findings
