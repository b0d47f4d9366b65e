"""What a scenario of lookups may say, and in which words the rest is refused."""

from __future__ import annotations

import math
import re

import pytest

from harness.contenders import overlays
from harness.errors import UsageError
from harness.scenarios import catalogue
from harness.scenarios.model import Kill, Lookups
from harness.scenarios.reading import parse_overrides, read_scenario
from harness.scenarios.writing import write_scenario


def read(*overrides):
    return read_scenario(catalogue.find("lookup"), parse_overrides(overrides))


def test_the_shipped_one_compares_three_families_calmly_up_to_1024_nodes():
    """Without churn, without killing, on links that nothing limits."""
    scenario = read()
    assert scenario.contenders == ("swarm-dht", "swarm-gossip", "swarm-supernode")
    assert scenario.peers == (16, 64, 256, 1024)
    assert scenario.lookups == Lookups(items=32, rate=4.0, duration=25.0)
    assert scenario.links.unlimited


@pytest.mark.parametrize(
    ("load", "rate"), [("calm", 4), ("busy", 16), ("overload", 64), ("0.5", 0.5), ("1000", 1000), ("1e2", 100)]
)
def test_a_load_is_a_word_or_a_number(load, rate):
    """Of lookups a second in the whole network."""
    assert read(f"lookup.load={load}").lookups.rate == rate


@pytest.mark.parametrize(
    ("kill", "meant"),
    [
        ("none", None),
        ("30%", Kill(0.3)),
        ("50% of supernodes", Kill(0.5, supernodes=True)),
        ("12.5%  of  supernodes", Kill(0.125, supernodes=True)),
        ("100%", Kill(1.0)),
    ],
)
def test_whom_to_kill(kill, meant):
    """A share of all, or of the supernodes."""
    assert read(f"lookup.kill={kill}").lookups.kill == meant


def test_what_is_written_is_read_again(tmp_path):
    """A run directory's scenario is the one that was run."""
    scenario = read("lookup.load=7.5", "lookup.churn=10%", "lookup.kill=50% of supernodes", "lookup.duration=90s")
    path = tmp_path / "lookup.toml"
    path.write_text(write_scenario(scenario))
    assert read_scenario(path) == scenario
    assert math.isclose(scenario.lookups.churn, 0.1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lookup.lode=calm", "--set: unknown key 'lookup.lode'; did you mean 'lookup.load'"),
        ("lookup.load=nonsense", "--set: lookup.load: 'nonsense' is not a load: write calm, busy, overload, or"),
        ("lookup.load=0", "--set: lookup.load: '0' is not a load"),
        ("lookup.load=-4", "--set: lookup.load: '-4' is not a load"),
        ("lookup.load=nan", "--set: lookup.load: 'nan' is not a load"),
        ("lookup.load=inf", "--set: lookup.load: 'inf' is not a load"),
        ("lookup.load=1001", "up to 1000"),
        ("lookup.items=0", "--set: lookup.items: 0 is not a whole number from 1 to 1000"),
        ("lookup.items=many", "--set: lookup.items: many is not a whole number"),
        ("lookup.duration=0s", "--set: lookup.duration: 0s is out of range: at least 1s"),
        ("lookup.duration=25h", "--set: lookup.duration: 25h is out of range"),
        ("lookup.churn=200%", "--set: lookup.churn: '200%' is not a share: write it in per cent"),
        ("lookup.churn=0.1", "--set: lookup.churn: '0.1' is not a share"),
        ("lookup.kill=everybody", "--set: lookup.kill: 'everybody' is not whom to kill: write none, 30%, or 50% of"),
        ("lookup.kill=0%", "--set: lookup.kill: '0%' is not a share"),
        ("lookup.kill=50% of leaves", "--set: lookup.kill: '50% of leaves' is not whom to kill"),
        ("peers=1", "--set: peers: a network has at least 2 nodes"),
        ("content.size=1MiB", "--set: content.size: has a meaning only in a scenario of downloads"),
        ("demand.arrival=ramp", "--set: demand.arrival: has a meaning only in a scenario of downloads"),
        ("kind=lookup", "--set: kind: 'lookup' is not a kind of scenario"),
    ],
)
def test_what_means_nothing_is_refused(override, message):
    """With the key, what was wrong and what can be written."""
    with pytest.raises(UsageError, match=re.escape(message)):
        read(override)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["contenders=http"], "unknown network 'http'"),
        (["contenders=swarm-dth"], "unknown network 'swarm-dth'; did you mean 'swarm-dht'"),
        (["lookup.kill=50% of supernodes"], "lookup.kill: swarm-dht has no supernodes; leave it out, or"),
    ],
)
def test_who_cannot_take_part_is_refused(overrides, message):
    """Before anything is started."""
    with pytest.raises(UsageError, match=re.escape(message)):
        overlays.choose(read(*overrides))


def test_supernodes_are_the_root_of_all():
    """And where they are to be killed, only a network that has some takes part."""
    chosen = overlays.choose(read("contenders=swarm-supernode", "lookup.kill=50% of supernodes"))["swarm-supernode"]
    assert [chosen.supernodes(nodes) for nodes in (16, 1024)] == [4, 32]
