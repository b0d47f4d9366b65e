"""Who holds a host to its rate."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.contenders.base import Item, Stage
from harness.labs.base import Host
from harness.labs.loopback import LoopbackLab
from harness.labs.namespace.lab import NamespaceLab

HERE = Path("/nowhere")


def stage(lab):
    host = Host("server", "127.0.0.1", 1e6, math.inf)
    return Stage(lab, host, [host], Item(HERE, 1, "", 0), HERE, HERE, HERE, 1)


@pytest.mark.parametrize(("lab", "cap"), [(LoopbackLab, 1e6), (NamespaceLab, None)])
def test_a_contender_caps_itself_only_where_the_lab_does_not(lab, cap):
    """The namespace lab's kernel does it for everybody."""
    assert stage(lab()).cap(1e6) == cap


def test_an_unlimited_link_needs_no_cap():
    """In no lab."""
    assert stage(LoopbackLab()).cap(math.inf) is None
