"""Whether links are believed: by how much they may be off, where, and what a row says of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from records import ENVIRONMENT

from harness.analysis.links import distrust, off
from harness.results.schema import Calibration, LinkRate


def calibration(*links: LinkRate) -> Calibration:
    assert ENVIRONMENT.calibration is not None
    return replace(ENVIRONMENT.calibration, links=list(links))


def link(share: float, *, of: str = "peer", direction: str = "up") -> LinkRate:
    return LinkRate(of, direction, 1.05e6, 1e6, share * 1e6, 1)


@pytest.mark.parametrize(
    ("lab", "share", "believed"),
    [("namespace", 1.029, True), ("namespace", 0.969, False), ("namespace", 1.031, False), ("loopback", 0.96, True)],
)
def test_links_that_are_off_spoil_the_run(lab: str, share: float, believed: bool) -> None:
    """By 3 % where the kernel shapes, 5 % where programs cap themselves, either way."""
    assert (distrust(calibration(link(1.0), link(share)), lab) is None) == believed


def test_the_worst_link_is_named() -> None:
    """The reason says which link, which direction, and by how much."""
    told = distrust(calibration(link(0.9), link(0.5, direction="down")), "namespace")
    assert told is not None and "peer down is off by -50.0%" in told


def test_no_bound_rests_on_the_servers_downlink() -> None:
    """What few peers cannot fill is shown, and spoils nothing."""
    assert distrust(calibration(link(0.8, of="server", direction="down")), "namespace") is None


def test_a_check_lists_every_link_that_is_off_the_worst_first() -> None:
    """Within the limit is good enough."""
    slightly, badly = link(0.97), link(1.2)
    assert off([link(1.01), slightly, badly], 0.02) == [badly, slightly]
