"""The theory of one step, from its scenario and what its links were measured to carry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import SCENARIO

from harness.analysis.limits import limits
from harness.results.schema import Calibration, PeerRates
from harness.scenarios.model import Content, Link, LinkClass

RATES = Calibration(server_up=100, peer_up=50, peer_up_duplex=40, peer_down=400, round_trip_s=0)
ALIKE = replace(SCENARIO, content=Content(1000, 0))

NARROW, WIDE = Link(10, 20), Link(100, 200)
CLASSES = [PeerRates(10, 20, 9, 8, 19), PeerRates(100, 200, 90, 80, 190)]
UNEQUAL = replace(ALIKE, links=replace(ALIKE.links, classes=(LinkClass(0.5, NARROW), LinkClass(0.5, WIDE))))


def test_a_step_of_a_central_server_is_bound_by_its_uplink():
    """Peers' uplinks do not count."""
    assert limits(ALIKE, [3.0, 3.0], RATES, origin_is_server=True).completion_s == pytest.approx(20.0)
    assert limits(ALIKE, [0.0, 15.0], RATES, origin_is_server=True).completion_s == pytest.approx(25.0)


def test_a_step_of_a_swarm_counts_uplinks_that_also_carry_acknowledgements():
    """The duplex rate is the one that peers have."""
    assert limits(ALIKE, [0.0, 0.0], RATES, origin_is_server=False).completion_s == pytest.approx(2000 / 180)
    assert limits(ALIKE, [0.0, 9.0], RATES, origin_is_server=False).completion_s > 2000 / 180


def test_every_peer_counts_with_the_measured_rates_of_its_class():
    """The narrow one takes 1,000 B down 19 B/s; the wide one can be sent 108 B/s, but the first copy leaves at 100."""
    rates = Calibration(100, 9, 8, 19, 0, CLASSES)
    theory = limits(UNEQUAL, [0.0, 0.0], rates, origin_is_server=False)
    assert theory.completion_s == pytest.approx(1000 / 19)
    assert theory.own_s == pytest.approx([1000 / 19, 10.0])
