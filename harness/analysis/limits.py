"""The theory of one step: its peers with the links they really have, put into the bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis import bounds
from harness.results.schema import Calibration, PeerRates
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Limits:
    """What no system can beat: the last peer's completion, and each peer's own wait, in seconds."""

    completion_s: float
    own_s: Sequence[float]
    """By peer, in the order of the hosts; counted from each one's intended start."""


def limits(scenario: Scenario, arrivals: Sequence[float], rates: Calibration, *, origin_is_server: bool) -> Limits:
    """The limits of a step whose peers, in the order of the hosts, want the item at these times."""
    peers = peers_of(scenario, arrivals, rates, origin_is_server=origin_is_server)
    size, server_up = scenario.content.size, rates.server_up
    return Limits(
        completion_s=bounds.completion(size, peers, server_up=server_up),
        own_s=[bounds.own(size, peers, index, server_up=server_up) for index in range(len(peers))],
    )


def peers_of(
    scenario: Scenario, arrivals: Sequence[float], rates: Calibration, *, origin_is_server: bool
) -> list[bounds.Peer]:
    """The peers of a step with what their links carry, in the order of the hosts.

    A swarm's peers acknowledge what they receive over the uplink they send on, so their uplinks count with the duplex
    rate. It bounds the aggregate: peers cannot send more between them than they receive, hence acknowledge.
    """
    links = scenario.links.of_peers(len(arrivals))
    measured = {(each.nominal_up, each.nominal_down): each for each in rates.classes}
    alike = PeerRates(0, 0, rates.peer_up, rates.peer_up_duplex, rates.peer_down)
    carried = [measured.get((link.up, link.down), alike) for link in links]
    return [
        bounds.Peer(arrival, 0 if origin_is_server else carries.up_duplex, carries.down)
        for arrival, carries in zip(arrivals, carried, strict=True)
    ]
