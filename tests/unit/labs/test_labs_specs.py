"""What a lab refuses before it touches the kernel."""

from __future__ import annotations

import math

import pytest

from harness.errors import SwarmbenchError, UsageError
from harness.labs.base import HostSpec
from harness.labs.catalogue import choose, names
from harness.labs.specs import check_specs


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_no_link_can_have_is_refused_by_host_and_direction(rate: float) -> None:
    """The message names the host and the direction, so that a person finds the key."""
    with pytest.raises(UsageError, match=r"host p1: down"):
        check_specs([HostSpec("p1", 1e6, rate)], 10)


def test_two_hosts_cannot_share_a_name() -> None:
    """Results are told apart by the host's name."""
    with pytest.raises(UsageError, match="one name"):
        check_specs([HostSpec("p1", 1e6, 1e6)] * 2, 10)


def test_more_hosts_than_there_are_addresses_are_refused() -> None:
    """The message says how many there is room for."""
    with pytest.raises(SwarmbenchError, match="room for 1"):
        check_specs([HostSpec("p1", 1e6, 1e6), HostSpec("p2", 1e6, 1e6)], 1)


def test_an_unknown_lab_is_a_usage_error_that_names_the_known_ones() -> None:
    """A typing mistake is mended from the message alone."""
    with pytest.raises(UsageError, match="auto, namespace, loopback"):
        choose("namepsace")
    assert names() == ["auto", "namespace", "loopback", "simulated"]


def test_links_that_nobody_shapes_may_be_unlimited():
    """The loopback lab leaves rates to contenders, so it needs none."""
    check_specs([HostSpec("p1", math.inf, math.inf)], 10, shaped=False)


def test_unlimited_links_choose_a_lab_that_does_not_shape():
    """A shaping lab would be asked for what it cannot give."""
    assert choose("auto", unlimited=True).name == "loopback"
