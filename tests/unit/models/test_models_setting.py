"""A scenario as the models take it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import ENVIRONMENT, MIB, SCENARIO

from harness.analysis.limits import limits
from harness.analysis.models.setting import bound_of, crowd_of, pieces_of
from harness.modelling.links import expected
from harness.scenarios.model import Content, Link, LinkClass, Links

RATES = ENVIRONMENT.calibration


@pytest.mark.parametrize(
    ("size", "piece_size", "pieces"),
    [(16 * MIB, 0, 512), (16 * MIB, 64 * 1024, 256), (100, 0, 1), (8 * MIB + 1, 0, 513)],
)
def test_an_item_is_cut_as_our_node_does(size, piece_size, pieces):
    """512 pieces or more where nobody says, and a last one for the rest."""
    assert pieces_of(Content(size, piece_size)) == pieces


@pytest.mark.parametrize("origin_is_server", [True, False])
def test_the_bound_is_that_of_a_measured_step(origin_is_server):
    """The same theorem, the same calibrated rates."""
    measured = limits(SCENARIO, [0.0] * 12, RATES, origin_is_server=origin_is_server)
    assert bound_of(SCENARIO, RATES, 12, origin_is_server=origin_is_server) == measured.completion_s


def test_a_crowd_has_the_links_of_the_scenario():
    """Half of them slow, half fast, where there are such classes; uplinks acknowledge what comes."""
    slow, fast = LinkClass(0.5, Link(1e6, 4e6)), LinkClass(0.5, Link(2e6, 8e6))
    scenario = replace(SCENARIO, links=Links(Link(5e6, 5e6), Link(1e6, 4e6), 0.0, (slow, fast)))
    rates = expected(scenario)
    crowd = crowd_of(scenario, rates, 4)
    assert sorted(set(crowd.up)) == pytest.approx([0.936e6, 1.872e6], rel=1e-3)
    assert sorted(set(crowd.down)) == pytest.approx([3.826e6, 7.651e6], rel=1e-3)
    assert crowd.server_up == pytest.approx(4.782e6, rel=1e-3)
