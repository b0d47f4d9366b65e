"""What a scenario's links should carry, where nobody has measured them: nominal rates less headers."""

from __future__ import annotations

from harness.labs.rounds import ACKNOWLEDGEMENT, FRAME, PAYLOAD
from harness.results.schema import Calibration, PeerRates
from harness.scenarios.model import Link, Scenario

DUPLEX = PAYLOAD * FRAME / (FRAME + ACKNOWLEDGEMENT / 2)
"""Of an uplink that is acknowledging what comes, a frame for two."""


def expected(scenario: Scenario) -> Calibration:
    """A calibration that finds all links as they should be."""
    links = scenario.links
    classes = [_rates(each.link) for each in links.classes]
    peer = classes[0] if classes else _rates(links.peer)
    return Calibration(
        server_up=links.server.up * PAYLOAD,
        peer_up=peer.up,
        peer_up_duplex=peer.up_duplex,
        peer_down=peer.down,
        round_trip_s=2 * links.delay,
        classes=classes,
    )


def _rates(link: Link) -> PeerRates:
    return PeerRates(link.up, link.down, link.up * PAYLOAD, link.up * DUPLEX, link.down * PAYLOAD)
