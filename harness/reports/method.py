"""The method in words: what the limits are, what is not measured, what was asked, and on which machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any

from harness.analysis.bounds import chunked
from harness.analysis.comparison import TIE
from harness.results.schema import Environment
from harness.scenarios.model import Arrival, Scenario
from harness.scenarios.units import format_rate, format_size

_ARRIVALS = {
    Arrival.FLASH: "all at the same moment",
    Arrival.POISSON: "at random over {over:g} s",
    Arrival.RAMP: "evenly over {over:g} s",
}

_LABS = {
    "namespace": "Hosts are addresses of one machine, their links shaped by its kernel. They share its processors: a "
    "step with more work than these can do would measure them, not the links.",
    "loopback": "Links are not shaped: each contender paces itself on the loopback device. For figures to rely on, use "
    "the namespace lab.",
    "simulated": "Time and network are simulated: nothing is said about the cost in CPU or memory.",
}


def reading(scenario: Scenario) -> list[str]:
    """What the limits and figures mean."""
    sentences = [
        "A peer is done when its last byte is verified by hash. Times count from the moment it was meant to start, so "
        "that a late start flatters nobody.",
        f"Differences up to {TIE:.0%} count as level: two runs of the same may differ by as much.",
    ]
    if scenario.links.unlimited:
        sentences.append(
            "No link limits anybody, so there is no theoretical limit: what is compared is how much each moves on this "
            "machine, and for how many CPU-seconds."
        )
        if scenario.content.prewritten:
            sentences.append("Each peer's file existed before in full size, with other content: fresh pages are dear.")
        return sentences
    sentences += [
        "The limit of a central server: all copies leave through its uplink, and each comes down one downlink – "
        "max(N·F/uₛ, F/d), for N peers, a file of F bytes, the server's uplink uₛ and the narrowest downlink d.",
        "The limit of a swarm: every byte leaves the origin once, and all uplinks together carry all copies – "
        "max(F/uₛ, F/d, N·F/(uₛ + Σu)), with the peers' uplinks u (Kumar and Ross, 2006).",
        "Limits know no protocol, no delay and no computing. One can come close to them but not beat them: a row that "
        "does is marked as invalid.",
    ]
    if scenario.demand.arrival is not Arrival.FLASH:
        sentences.append(
            "Peers come at different times here, so the limit counts, for every peer and those after it, what can be "
            "delivered from its arrival on; it counts from the first arrival.",
        )
    if scenario.content.piece_size:
        pieces = -(-scenario.content.size // scenario.content.piece_size)
        cost = chunked(max(scenario.peers), pieces) - 1
        sentences.append(
            f"Part of a swarm's distance from its limit is the price of whole pieces: with {pieces} of them and equal "
            f"uplinks, {cost:.1%} at {max(scenario.peers)} peers in the best case (Mundinger, Weber and Weiss, 2008)."
        )
    return sentences


def unmeasured(scenario: Scenario, lab: str) -> list[str]:
    """What the reader must not conclude from this run."""
    delay, loss = scenario.links.delay, scenario.links.loss
    their_links = "one of a few links" if scenario.links.classes else "the same link"
    return [
        *([_LABS[lab]] if lab in _LABS and not scenario.links.unlimited else []),
        f"Every two hosts are {delay * 1000:g} ms apart and lose {loss * 100:g} % of packets; jitter is not emulated."
        if delay or loss
        else "Links have no delay and lose nothing but what their own queues drop; distance would slow both sides.",
        f"There are no NATs, firewalls, wireless links or other traffic, and all peers have {their_links}.",
        "Peers stay and help until the end. Real ones leave, and some take without giving.",
        "Content is not encrypted on the way.",
    ]


def setting(scenario: Scenario, lab: str) -> list[tuple[str, str]]:
    """The scenario, as names and values."""
    server = scenario.links.server
    piece_size = scenario.content.piece_size
    return [
        ("Item", format_size(scenario.content.size)),
        ("Pieces of a swarm", format_size(piece_size) if piece_size else "chosen by size"),
        ("Server's link", f"{format_rate(server.up)} up, {format_rate(server.down)} down"),
        *(_peers_links(scenario)),
        ("Delay", f"{scenario.links.delay * 1000:g} ms"),
        ("Loss", f"{scenario.links.loss * 100:g} %"),
        ("Peers want it", _ARRIVALS[scenario.demand.arrival].format(over=scenario.demand.over)),
        ("Peers", ", ".join(map(str, scenario.peers))),
        ("Contenders", ", ".join(scenario.contenders)),
        ("Repeats", str(scenario.repeats)),
        ("Seed", str(scenario.seed)),
        ("Lab", lab),
    ]


def _peers_links(scenario: Scenario) -> Iterable[tuple[str, str]]:
    links = scenario.links
    if not links.classes:
        yield "Peer's link", f"{format_rate(links.peer.up)} up, {format_rate(links.peer.down)} down"
    for each in links.classes:
        rates = f"{format_rate(each.link.up)} up, {format_rate(each.link.down)} down"
        yield f"Link of {each.share:.0%} of the peers", rates


def round_trip(where: Environment) -> str:
    """The time there and back between idle hosts."""
    return f"{where.calibration.round_trip_s * 1000:.3g} ms" if where.calibration else "not measured"


def environment(where: Environment) -> list[tuple[str, str]]:
    """Machine and software, as names and values."""
    return [
        *((name.replace("_", " "), _plain(value)) for name, value in where.machine.items()),
        ("kernel", where.kernel),
        ("congestion control", where.congestion_control or "unknown"),
        ("python", where.python),
        ("revision", where.revision or "unknown"),
        ("versions", _listed(f"{name} {version}" for name, version in where.versions.items())),
    ]


def command(where: Environment) -> str:
    """The command line that repeats the run, ready to paste into a shell."""
    return shlex.join(where.command)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)
