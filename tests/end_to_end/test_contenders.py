"""Every contender, deployed for real on a small item: it delivers, verified, and accounts for every byte.

Those that are to be seen under the same circumstances share a run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from running import LARGE, Swarmbench, content

from harness.contenders.catalogue import CONTENDERS
from harness.labs.namespace.lab import NamespaceLab

UNLIMITED = ("swarm", "libtorrent", "http", "http-curl", "bare")
SHAPED = ("libtorrent", "aria2", "transmission", "nginx-curl")
CAPPED = ("libtorrent", "aria2")
REFUSED = ("nginx", "transmission")
FEW = ("--peers", "2", "--repeats", "1", "--no-report")
UNSHAPED = ("--lab", "loopback", *FEW)
SMALL = 1 << 20
"""Bytes of an item that keeps a link busy for long enough."""
SLOW = ("--set", "links.server.up=4mbit", "--set", "links.peer.up=4mbit")


class Played:
    """A run of those contenders of a group that this machine has."""

    def __init__(self, directory: Path, scenario: str, names: tuple[str, ...], size: int, *arguments: str) -> None:
        self.swarmbench = Swarmbench(directory)
        self.size = size
        arguments = (*content(size), *arguments)
        here = ",".join(each.name for each in CONTENDERS if each.name in names and not each.unavailable())
        self.told = self.swarmbench("run", scenario, "--contenders", here, *arguments, "--out", self.swarmbench.out)

    def row(self, name):
        """The only one of a contender, or the reason why it is missing."""
        reason = next(each.unavailable() for each in CONTENDERS if each.name == name)
        if reason:
            pytest.skip(reason)
        [row] = [row for row in self.swarmbench.rows() if row["contender"] == name]
        return row

    def complete_row(self, name):
        """That of a contender by which everything was delivered."""
        row = self.row(name)
        assert self.told.returncode == 0, self.told.stderr
        assert (row["completed"], row["failed"]) == (2, 0)
        transfers = [each for each in self.swarmbench.transfers() if each["contender"] == name]
        assert len(transfers) == 2
        for transfer in transfers:
            assert transfer["started_s"] <= transfer["first_byte_s"] <= transfer["done_s"]
            assert sum(transfer["sources"].values()) == transfer["bytes"] == self.size
        assert self.size * 0.9 <= row["origin_bytes"] <= 2 * self.size
        assert row["cpu_s_per_gib"]["peers"] is not None
        return row


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("unlimited"), "speed", UNLIMITED, LARGE, *UNSHAPED)


@pytest.fixture(scope="module")
def shaped(tmp_path_factory):
    if not NamespaceLab.availability().usable:
        pytest.skip(NamespaceLab.availability().reason)
    return Played(tmp_path_factory.mktemp("shaped"), "flash-crowd", SHAPED, SMALL, "--lab", "namespace", *FEW)


@pytest.fixture(scope="module")
def capped(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("capped"), "flash-crowd", CAPPED, SMALL, *SLOW, *UNSHAPED)


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("refused"), "flash-crowd", REFUSED, SMALL, *SLOW, *UNSHAPED)


@pytest.mark.parametrize("name", UNLIMITED)
def test_without_links_prewritten_files_are_filled(unlimited, name):
    """The scenario `speed`: no theory of links applies, and a busy machine is no reason to doubt a row."""
    row = unlimited.complete_row(name)
    assert (row["bound_s"], row["efficiency"]) == (None, None)
    assert row["valid"], row["invalid_reason"]


@pytest.mark.parametrize("name", SHAPED)
def test_a_reference_client_fetches_over_shaped_links(shaped, name):
    """In the namespace lab, where nothing can be faster than theory, however busy the machine is with other tests."""
    row = shaped.complete_row(name)
    assert row["valid"] or row["invalid_reason"].startswith("the machine was saturated"), row["invalid_reason"]
    assert 0 < row["efficiency"] <= 1.05


@pytest.mark.parametrize("name", CAPPED)
def test_a_reference_client_caps_itself_where_no_kernel_shapes(capped, name):
    """The loopback lab's links are caps that each client puts on itself."""
    assert capped.complete_row(name)["completion_s"]["last"] > 1.5


def test_nginx_says_why_it_caps_nothing(refused):
    """It limits connections one by one, so no uplink would be shared; the row names the lab to use."""
    assert "use --lab namespace" in refused.row("nginx")["invalid_reason"]
    assert refused.told.returncode == 1


def test_transmission_says_why_it_cannot_run_in_the_loopback_lab(refused):
    """It takes 127.x for impossible; the row carries the reason and what to do."""
    row = refused.row("transmission")
    assert not row["valid"]
    assert "127.x.y.z; use --lab namespace" in row["invalid_reason"]
    assert refused.told.returncode == 1
