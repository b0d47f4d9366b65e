"""Many DHT nodes in virtual time: what lookups find, in how many steps and messages, and what survives when nodes
die."""

from __future__ import annotations

from functools import partial
from math import log2
from random import Random

import pytest

from p2p_node.discovery.dht.node import DhtNode, DhtSettings
from p2p_node.discovery.dht.peer_store import EXPIRES_S
from p2p_node.wire.address import Address
from tests.overlay import PORT, Host, Lookup, Overlay

KEY = b"k" * 20


def keys(count: int) -> list[bytes]:
    rng = Random(3)
    return [rng.randbytes(20) for _ in range(count)]


def network(size: int, seed: int = 1, make: type[DhtNode] = DhtNode) -> Overlay:
    """So many nodes that joined one after the other, each through one that had."""
    overlay = Overlay(seed)
    for number in range(size):
        host = overlay.add(make)
        host.join(overlay.rng.sample(overlay.alive[:-1], min(number, 1)))
        overlay.run(0.02)
    overlay.run(2.0)
    return overlay


def provide(overlay: Overlay, items: list[bytes], replicas: int = 1) -> dict[bytes, set[Address]]:
    """Each item is put on so many random nodes; returns who has what."""
    holders = {}
    for item in items:
        chosen = overlay.rng.sample(overlay.alive, replicas)
        for host in chosen:
            host.provide(item)
        holders[item] = {host.address for host in chosen}
    overlay.run(5.0)
    overlay.costs()
    return holders


def seek(overlay: Overlay, item: bytes) -> Lookup:
    """Some node looks for it, until its lookup ends."""
    lookup = overlay.rng.choice([host for host in overlay.alive if host.node.joined]).seek(item)
    overlay.run(10.0, lambda: lookup.ended_s is not None)
    return lookup


@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_small_network_finds_everything(size: int) -> None:
    """Also what was provided before anybody else was there; the first node has no contacts."""
    overlay = Overlay()
    first = overlay.add(DhtNode)
    first.join([])
    first.provide(KEY)
    others = [overlay.add(DhtNode) for _ in range(size)]
    for other in others:
        other.join([first])
    overlay.run(5.0)
    for other in others:
        lookup = other.seek(KEY)
        overlay.run(5.0)
        assert set(lookup.peers) == {first.address} and lookup.ended_s is not None


def test_hundreds_of_nodes_find_single_items_in_a_few_steps() -> None:
    """Every lookup succeeds, in at most log₂(n)/2 + 1 hops on average and 60 messages each; and when 30 % of all nodes
    die at once, at least 95 % still do."""
    size = 512
    overlay = network(size)
    items = keys(100)
    holders = provide(overlay, items)
    lookups = [seek(overlay, item) for item in items]
    assert all(set(lookup.peers) == holders[lookup.key] for lookup in lookups)
    assert sum(min(lookup.peers.values()) for lookup in lookups) / len(lookups) <= log2(size) / 2 + 1
    costs = overlay.costs()
    assert len(costs) == len(items) and max(costs.values()) <= 60

    holding = set().union(*holders.values())
    overlay.kill(host for host in overlay.rng.sample(overlay.alive, size * 3 // 10) if host.address not in holding)
    lookups = [seek(overlay, item) for item in items]
    assert sum(bool(lookup.peers) for lookup in lookups) >= 0.95 * len(items)
    assert all(lookup.ended_s is not None for lookup in lookups)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowd_that_enters_at_once_becomes_one_network(seed: int) -> None:
    """Also where one in ten datagrams is lost until all are in: groups that know nobody but each other find the rest,
    so that hardly a lookup in a hundred fails."""
    overlay = Overlay(seed, loss=0.1)
    first = overlay.add(DhtNode)
    first.join([])
    crowd = [overlay.add(DhtNode) for _ in range(159)]
    for number, host in enumerate(crowd):
        host.join([first if number < 8 else overlay.rng.choice(crowd[:8])])
    overlay.run(4.0)
    overlay.loss = 0.0
    overlay.run(20.0)
    items = keys(100)
    holders = provide(overlay, items)
    lookups = [seek(overlay, item) for item in items]
    assert sum(set(lookup.peers) == holders[lookup.key] for lookup in lookups) >= 98


def test_what_many_have_is_found_at_nearly_all_of_them() -> None:
    """A quarter of the nodes: answers are random samples that fit a datagram, and the K nearest each give another."""
    overlay = network(128, seed=2)
    (holders,) = provide(overlay, [KEY], 32).values()
    lookup = seek(overlay, KEY)
    assert set(lookup.peers) <= holders and len(lookup.peers) >= 0.9 * len(holders)


def test_items_outlive_the_nodes_that_index_them() -> None:
    """A tenth of the nodes leaves every minute, and others come: at least 98 % of lookups succeed, also when hardly
    any of the nodes is left that were there first."""
    overlay = network(64, seed=4)
    items = keys(20)
    holders = set().union(*provide(overlay, items).values())
    lookups = []
    for second in range(600):
        mortal = [host for host in overlay.alive if host.address not in holders]
        if overlay.rng.random() < 0.1 * len(overlay.alive) / 60:
            overlay.kill([overlay.rng.choice(mortal)])
            overlay.add(DhtNode).join([overlay.rng.choice(overlay.alive[:-1])])
        overlay.run(1.0)
        if second % 3 == 0:
            lookups.append(seek(overlay, overlay.rng.choice(items)))
    assert sum(bool(lookup.peers) for lookup in lookups) >= 0.98 * len(lookups)


def test_a_provider_is_found_after_hours_and_forgotten_soon_after_it_left() -> None:
    """It announces again in time, and when it does not, others believe its last announce for half an hour."""
    overlay = network(24, seed=5)
    (provider,) = overlay.rng.sample(overlay.alive, 1)
    provider.provide(KEY)
    overlay.run(3 * 3600.0)
    assert set(seek(overlay, KEY).peers) == {provider.address}
    provider.withdraw(KEY)
    overlay.run(EXPIRES_S)
    assert not seek(overlay, KEY).peers


def test_an_idle_node_says_little() -> None:
    """Fewer than 0.2 messages a second: what keeps its table fresh, its answers to others' included."""
    overlay = network(64, seed=6)
    before = overlay.sent.total()
    overlay.run(1800.0)
    assert (overlay.sent.total() - before) / 1800.0 / len(overlay.alive) < 0.2


def test_lost_datagrams_cost_time_and_no_results() -> None:
    """One in ten is lost."""
    overlay = network(64, seed=7)
    overlay.loss = 0.1
    items = keys(30)
    provide(overlay, items)
    lookups = [seek(overlay, item) for item in items]
    assert all(lookup.peers for lookup in lookups)


def test_a_network_that_was_cut_in_two_heals() -> None:
    """While it is cut each half finds its own; an hour later nothing tells that it was."""
    overlay = network(40, seed=8)
    left = {host.address for host in overlay.alive[::2]}
    overlay.reachable = lambda source, to: (source in left) == (to in left)
    overlay.run(120.0)
    there = [host for host in overlay.alive if host.address not in left]
    there[0].provide(KEY)
    overlay.run(30.0)
    lookup = there[-1].seek(KEY)
    overlay.run(10.0)
    assert lookup.peers
    overlay.reachable = lambda source, to: True
    overlay.run(3600.0)
    lookups = [host.seek(KEY) for host in overlay.alive if host.address in left]
    overlay.run(10.0)
    assert all(lookup.peers for lookup in lookups)


def test_contacts_that_are_not_there_yet_are_asked_again() -> None:
    """At waits that double; then the node is part of the network."""
    overlay = Overlay()
    early = overlay.add(DhtNode)
    late = Host(overlay, ("10.1.0.77", PORT), DhtNode(("10.1.0.77", PORT), Random(1), 0.0))
    early.join([late])
    overlay.run(30.0)
    assert not early.node.joined and overlay.sent[early.address] <= 5
    overlay.hosts[late.address] = late
    late.join([])
    late.provide(KEY)
    overlay.run(60.0)
    assert early.node.joined and seek(overlay, KEY).peers


def test_a_node_that_only_asks_is_in_nobodys_table() -> None:
    """BEP 43: it finds what others have, answers nothing, and nobody is sent to it."""
    overlay = network(20, seed=9)
    provide(overlay, [KEY])
    reader = overlay.add(partial(DhtNode, settings=DhtSettings(read_only=True)))
    reader.join(overlay.alive[:1])
    overlay.run(30.0)  # until it knows whom it wants to
    lookup = reader.seek(KEY)
    overlay.run(5.0)
    assert lookup.peers
    received = reader.node.census().received
    for host in overlay.alive[:20]:
        host.seek(b"o" * 20)
        host.provide(b"o" * 20)
    overlay.run(60.0)
    assert reader.node.census().received == received


def test_nodes_of_ipv6_have_a_network_of_their_own() -> None:
    """BEP 32: an address of the other family is no contact."""
    overlay = Overlay()
    hosts = [overlay.add(DhtNode, (f"2001:db8::{number:x}", PORT)) for number in range(1, 21)]
    stranger = overlay.add(DhtNode)
    hosts[0].join([stranger])
    for host in hosts[1:]:
        host.join([hosts[0]])
        overlay.run(0.1)
    overlay.run(5.0)
    hosts[5].provide(KEY)
    overlay.run(5.0)
    lookup = hosts[-1].seek(KEY)
    overlay.run(5.0)
    assert set(lookup.peers) == {hosts[5].address} and not overlay.sent[stranger.address]


def test_an_abandoned_lookup_says_no_more() -> None:
    """Though answers to it are still under way."""
    overlay = network(20, seed=10)
    provide(overlay, [KEY])
    lookup, host = next((lookup, host) for host in overlay.alive if not (lookup := host.seek(KEY)).peers)
    host.node.abandon(next(iter(host.lookups)), overlay.now)
    overlay.run(10.0)
    assert not lookup.peers and lookup.ended_s is None


def test_a_node_that_leaves_falls_silent() -> None:
    """There is no goodbye in BEP 5."""
    overlay = network(20, seed=11)
    host = overlay.alive[3]
    host.provide(KEY)
    host.leave()
    sent = overlay.sent[host.address]
    overlay.run(600.0)
    assert overlay.sent[host.address] == sent
