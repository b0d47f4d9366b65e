"""Who holds a host to its rate."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.contenders.base import Item, Stage
from harness.labs.base import Host
from harness.labs.loopback import LoopbackLab
from harness.labs.namespace.lab import NamespaceLab
from harness.results.roles import Role

HERE = Path("/nowhere")


def stage(lab, sockets=HERE, *, overheard=False):
    host = Host("server", "127.0.0.1", 1e6, math.inf)
    return Stage(lab, host, [host], Item(HERE, 1, "", 0), HERE, sockets, HERE, 1, overheard=overheard)


@pytest.mark.parametrize(("lab", "cap"), [(LoopbackLab, 1e6), (NamespaceLab, None)])
def test_a_contender_caps_itself_only_where_the_lab_does_not(lab, cap):
    """The namespace lab's kernel does it for everybody."""
    assert stage(lab()).cap(1e6) == cap


def test_an_unlimited_link_needs_no_cap():
    """In no lab."""
    assert stage(LoopbackLab()).cap(math.inf) is None


def test_processes_are_told_where_to_serve_their_metrics_only_if_somebody_reads_them(tmp_path):
    """By role; those that do are found there, and nobody else's sockets."""
    assert stage(LoopbackLab(), tmp_path).telling(Role.SERVER, "seed") == []
    watched = stage(LoopbackLab(), tmp_path, overheard=True)
    for role, name in ((Role.SERVER, "seed"), (Role.SERVER, "tracker"), (Role.PEERS, "supernode-0")):
        option, path = watched.telling(role, name)
        assert option == "--metrics-socket"
        Path(path).touch()
    (tmp_path / "fleet-0.sock").touch()
    assert [path.name for path in watched.endpoints(Role.SERVER)] == ["server-seed.sock", "server-tracker.sock"]
    assert [path.name for path in watched.endpoints(Role.PEERS)] == ["peers-supernode-0.sock"]
