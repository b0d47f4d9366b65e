"""Contenders by name."""

from __future__ import annotations

import pytest

from harness.contenders import catalogue
from harness.errors import UsageError


def test_names_choose_contenders_in_order():
    """As the person wrote them."""
    assert [contender.name for contender in catalogue.choose(["swarm", "http"])] == ["swarm", "http"]


def test_an_unknown_contender_lists_the_known_ones():
    """A near miss is named."""
    with pytest.raises(UsageError, match=r"unknown contender 'swarn'; did you mean 'swarm'\? known: http, nginx"):
        catalogue.choose(["http", "swarn"])


def test_the_central_ones_are_known():
    """Their bound is another."""
    assert catalogue.central() == {"http", "nginx", "nginx-curl", "http-curl", "bare"}
