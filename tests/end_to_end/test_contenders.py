"""Every contender, deployed for real on a small item: it delivers, verified, and accounts for every byte."""

from __future__ import annotations

import pytest
from running import Swarmbench

from harness.contenders.catalogue import CONTENDERS
from harness.labs.namespace.lab import NamespaceLab

UNSHAPED = ("--lab", "loopback", "--set", "content.size=1MiB", "--peers", "2", "--repeats", "1")
SHAPED = ("--lab", "namespace", "--set", "content.size=1MiB", "--peers", "2")


@pytest.fixture
def swarmbench(tmp_path):
    return Swarmbench(tmp_path)


def available(name):
    contender = next(each for each in CONTENDERS if each.name == name)
    if reason := contender.unavailable():
        pytest.skip(reason)
    return name


def check(swarmbench, told, name):
    assert told.returncode == 0, told.stderr
    [row] = swarmbench.rows()
    assert (row["contender"], row["completed"], row["failed"]) == (name, 2, 0)
    for transfer in swarmbench.transfers():
        assert transfer["started_s"] <= transfer["first_byte_s"] <= transfer["done_s"]
        assert sum(transfer["sources"].values()) == transfer["bytes"] == 2**20
    assert 2**20 * 0.9 <= row["origin_bytes"] <= 2 * 2**20
    assert row["cpu_s_per_gib"]["peers"] is not None
    return row


@pytest.mark.parametrize("name", ["swarm", "libtorrent", "http", "http-curl", "bare"])
def test_without_links_prewritten_files_are_filled(swarmbench, name):
    """The scenario `speed`: no theory of links applies, and a busy machine is no reason to doubt a row."""
    told = swarmbench("run", "speed", "--contenders", available(name), *UNSHAPED, "--out", swarmbench.out)
    row = check(swarmbench, told, name)
    assert (row["bound_s"], row["efficiency"]) == (None, None)
    assert row["valid"], row["invalid_reason"]


@pytest.mark.parametrize("name", ["libtorrent", "aria2", "transmission", "nginx-curl"])
def test_a_reference_client_fetches_over_shaped_links(swarmbench, name):
    """In the namespace lab, where nothing can be faster than theory, however busy the machine is with other tests."""
    if not NamespaceLab.availability().usable:
        pytest.skip(NamespaceLab.availability().reason)
    told = swarmbench("run", "flash-crowd", "--contenders", available(name), *SHAPED, "--out", swarmbench.out)
    row = check(swarmbench, told, name)
    assert row["valid"] or row["invalid_reason"].startswith("the machine was saturated"), row["invalid_reason"]
    assert 0 < row["efficiency"] <= 1.05


@pytest.mark.parametrize("name", ["libtorrent", "aria2"])
def test_a_reference_client_caps_itself_where_no_kernel_shapes(swarmbench, name):
    """The loopback lab's links are caps that each client puts on itself."""
    available(name)
    slow = ("--set", "links.server.up=4mbit", "--set", "links.peer.up=4mbit", "--lab", "loopback")
    told = swarmbench(
        "run", "flash-crowd", "--contenders", name, "--set", "content.size=1MiB", "--peers", "2", *slow,
        "--out", swarmbench.out,
    )  # fmt: skip
    row = check(swarmbench, told, name)
    assert row["completion_s"]["last"] > 1.5


def test_nginx_says_why_it_caps_nothing(swarmbench):
    """It limits connections one by one, so no uplink would be shared; the row names the lab to use."""
    slow = ("--set", "links.server.up=4mbit", *UNSHAPED)
    told = swarmbench("run", "flash-crowd", "--contenders", available("nginx"), *slow, "--out", swarmbench.out)
    assert told.returncode == 1
    [row] = swarmbench.rows()
    assert "use --lab namespace" in row["invalid_reason"]


def test_transmission_says_why_it_cannot_run_in_the_loopback_lab(swarmbench):
    """It takes 127.x for impossible; the row carries the reason and what to do."""
    told = swarmbench(
        "run", "flash-crowd", "--contenders", available("transmission"), *UNSHAPED, "--out", swarmbench.out
    )
    assert told.returncode == 1
    [row] = swarmbench.rows()
    assert not row["valid"]
    assert "127.x.y.z; use --lab namespace" in row["invalid_reason"]
