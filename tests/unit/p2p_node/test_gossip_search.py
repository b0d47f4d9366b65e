"""Searching the gossip overlay: what is found, at what cost, and what abuse does to it. Real nodes in virtual time."""

from __future__ import annotations

from math import sqrt
from random import Random
from statistics import mean

import pytest

from p2p_node.discovery.gossip.lookups import HOP_S, LAST_S
from p2p_node.discovery.gossip.routes import MAX_ROUTES
from p2p_node.discovery.gossip.settings import FLOODING, WALKING, GossipSettings, Strategy
from p2p_node.wire.gossip import MAX_REACH, Hit, Query, Sighting
from tests.gossiping import flooding_messages, graph, grow, intrude, neighbours, query, reached, seek, tell
from tests.overlay import Host, Lookup, Overlay

NODES = 1024
REACHES = FLOODING.reaches
KEY = b"k" * 20


@pytest.fixture(scope="module")
def large():
    """A thousand nodes, whose searches no test disturbs."""
    return grow(NODES)


def search(overlay: Overlay, replicas: int, lookups: int, rng: Random) -> list[tuple[Host, Lookup, list[Host]]]:
    """Lookups of as many items, each on so many hosts, by hosts that do not have it."""
    searches = []
    for _ in range(lookups):
        key = rng.randbytes(20)
        seeker, *holders = rng.sample(overlay.alive, replicas + 1)
        for holder in holders:
            holder.provide(key)
        searches.append((seeker, seeker.seek(key), holders))
        overlay.run(0.05)
    overlay.run(sum(REACHES) * HOP_S + LAST_S + 0.1)
    return searches


def found(searches) -> float:
    """The share that found somebody who has it."""
    return mean(any(holder.address in lookup.peers for holder in holders) for _, lookup, holders in searches)


def dropped(overlay: Overlay) -> int:
    """What all nodes together had no budget for."""
    return sum(host.node.census().dropped for host in overlay.alive)


def test_what_one_in_a_hundred_has_is_found(large):
    """At least 99 % of lookups at a thousand nodes, the first peer within half a second, and nobody who has it not."""
    searches = search(large, NODES // 100, 100, Random(1))
    assert found(searches) >= 0.99
    assert all(lookup.first_s <= 0.5 for _, lookup, _ in searches if lookup.peers)
    for _, lookup, holders in searches:
        assert lookup.peers.keys() <= {holder.address for holder in holders}
        assert all(hops <= REACHES[-1] for hops in lookup.peers.values())


def test_what_a_single_node_has_is_found_as_far_as_queries_reach(large):
    """The unstructured network's limit: it is found as often as the flooding covers the network, and that is not
    all."""
    links = graph(large)
    searches = search(large, 1, 60, Random(2))
    covered = [holders[0].address in reached(links, seeker.address, REACHES[-1]) for seeker, _, holders in searches]
    coverage = mean(len(reached(links, seeker.address, REACHES[-1])) / NODES for seeker, _, _ in searches)
    assert abs(found(searches) - mean(covered)) <= 0.05
    assert abs(found(searches) - coverage) <= 3 * sqrt(coverage * (1 - coverage) / len(searches))
    assert 0.3 < coverage < 0.8


def test_a_lookup_costs_the_messages_that_the_graph_says(large):
    """Of what nobody has: all rings, in full. Counted by every node for itself, and computed from the neighbours
    alone."""
    links = graph(large)
    large.costs()
    seekers = Random(3).sample(large.alive, 20)
    expected = [sum(flooding_messages(links, seeker.address, reach) for reach in REACHES) for seeker in seekers]
    for seeker in seekers:
        lookup = seek(large, seeker, b"nobody has this one ")
        assert not lookup.peers and lookup.hops == REACHES[-1]
    costs = large.costs()
    assert len(costs) == len(seekers)
    assert abs(sum(costs.values()) / sum(expected) - 1) <= 0.1


def test_common_items_cost_little(large):
    """The ring expands no farther than it must: a quarter of the nodes have it, so most neighbours' neighbours do."""
    large.costs()
    searches = search(large, NODES // 4, 30, Random(4))
    assert found(searches) == 1
    assert mean(large.costs().values()) <= 60


def test_answers_share_messages():
    """A hundred hosts that all answer at once do not send a hundred hits to the one who asked."""
    overlay = grow(150, settings=GossipSettings(strategy=Strategy(reaches=(4,))))
    seeker, *others = overlay.alive
    for host in others[:100]:
        host.provide(KEY)
    received = seeker.node.census().received
    lookup = seek(overlay, seeker, KEY)
    assert len(lookup.peers) >= 90
    confirmed = len(lookup.peers)
    assert seeker.node.census().received - received - confirmed <= 5 * len(neighbours(seeker))


def test_random_walks_find_it_too():
    """The other way to search: fewer messages at once, and more time."""
    overlay = grow(200, settings=GossipSettings(strategy=WALKING))
    overlay.costs()
    searches = search(overlay, 4, 20, Random(5))
    overlay.run(3)
    assert found(searches) >= 0.95
    assert max(overlay.costs().values()) <= WALKING.walkers * sum(WALKING.reaches) * 1.5


def test_who_seeks_again_looks_farther():
    """What the nearest have told was of no use, or it would not be sought again."""
    overlay = grow(100)
    seeker = overlay.alive[50]
    for address in neighbours(seeker):
        overlay.hosts[address].provide(KEY)
    assert [seek(overlay, seeker, KEY).hops for _ in range(5)] == [1, 2, 3, 4, 4]
    overlay.run(61)
    assert seek(overlay, seeker, KEY).hops == 1


def test_what_was_withdrawn_or_abandoned_is_not_heard_of():
    """Neither from who had it, nor by who sought it."""
    overlay = grow(20)
    seeker, holder = overlay.alive[5], overlay.alive[15]
    holder.provide(KEY, 7000)
    assert seek(overlay, seeker, KEY).peers.keys() == {(holder.address[0], 7000)}
    lookup = seeker.seek(KEY)
    seeker.node.abandon(next(name for name, known in seeker.lookups.items() if known is lookup), overlay.now)
    overlay.run(3)
    assert not lookup.peers and lookup.ended_s is None
    holder.withdraw(KEY)
    assert not seek(overlay, seeker, KEY).peers


def test_a_lookup_before_anybody_is_known_ends():
    """With nothing, in bounded time."""
    overlay = grow(1)
    lookup = seek(overlay, overlay.alive[0], KEY)
    assert not lookup.peers and lookup.ended_s == pytest.approx(sum(REACHES) * HOP_S + LAST_S, abs=0.01)


def test_overload_drops_queries_and_is_counted():
    """A node spends so much on others and no more: with too many searches, rare items are found less often, and common
    ones still."""
    overlay = grow(100, settings=GossipSettings(relay_rate=30, relay_burst=80))
    rng = Random(6)
    rare, common = rng.randbytes(20), rng.randbytes(20)
    holders = rng.sample(overlay.alive, 30)
    holders[0].provide(rare)
    for holder in holders:
        holder.provide(common)
    crowd = [host for host in overlay.alive if host not in holders]
    calm, before = [], dropped(overlay)
    for host in rng.sample(crowd, 10):
        calm.append(seek(overlay, host, rare))
        overlay.run(4)
    assert dropped(overlay) == before
    busy = []
    for number in range(400):
        busy.append(rng.choice(crowd).seek(rare if number % 2 else common))
        overlay.run(0.005)
    overlay.run(3)
    assert mean(bool(lookup.peers) for lookup in calm) >= 0.9
    assert mean(bool(lookup.peers) for lookup in busy if lookup.key == rare) <= 0.8
    assert mean(bool(lookup.peers) for lookup in busy if lookup.key == common) >= 0.8
    assert dropped(overlay) - before > 100


# Abuse


def test_a_query_goes_no_farther_than_allowed_whatever_it_says():
    """A TTL of 255 counts as the most there is, and one that came too far already is refused."""
    overlay = grow(200, settings=GossipSettings(neighbours=3, wanted=3))
    victim = overlay.alive[30]
    host, stranger = intrude(overlay, victim)
    overlay.run(3)
    links = {**graph(overlay), host.address: (victim.address,)}
    allowed, beyond = (flooding_messages(links, host.address, reach) - 1 for reach in (MAX_REACH, MAX_REACH + 1))
    overlay.costs()
    tell(overlay, host, stranger, victim, query(b"far", KEY, ttl=255))
    assert 0.9 * allowed <= sum(overlay.costs().values()) <= 1.1 * allowed < 0.8 * beyond
    refused = victim.node.census().refused
    bad = [
        query(b"none", KEY, ttl=0),
        query(b"gone", KEY, hops=MAX_REACH),
        query(b"back", KEY, hops=255),
        query(b"ring", KEY, ring=8),
    ]
    tell(overlay, host, stranger, victim, *bad)
    assert victim.node.census().refused == refused + len(bad)


def test_a_query_that_comes_again_is_not_passed_on_again():
    """However often it is repeated, by whomever: a loop ends where it began."""
    overlay = grow(30)
    victim = overlay.alive[15]
    host, stranger = intrude(overlay, victim)
    tell(overlay, host, stranger, victim, query(b"loop", KEY, ttl=3))
    sent = overlay.sent[victim.address]
    tell(overlay, host, stranger, victim, *[query(b"loop", KEY, ttl=3)] * 50)
    assert overlay.sent[victim.address] - sent <= 1


def test_who_floods_is_cut_off_and_nobody_elses_lookup_fails():
    """It has its share of what its neighbours spend on others, and no more."""
    overlay = grow(100)
    victim, holder = overlay.alive[50], overlay.alive[99]
    host, stranger = intrude(overlay, victim)
    holder.provide(KEY)
    sought = []
    for number in range(200):
        flood = (query(b"%d %d" % (number, each), bytes(20), ttl=4) for each in range(50))
        stranger.say(victim.address, *flood)
        host.perform()
        overlay.run(0.05)
        if number % 20 == 10:
            sought.append(overlay.rng.choice(overlay.alive[:50]).seek(KEY))
    overlay.run(3)
    assert all(lookup.peers for lookup in sought)
    assert victim.node.census().dropped > 8000
    assert victim.node.census().entries <= MAX_ROUTES + 100


def test_hits_that_nobody_asked_for_are_refused():
    """For lookups never made, and from where the query came."""
    overlay = grow(30)
    victim = overlay.alive[15]
    host, stranger = intrude(overlay, victim)
    lie = (Sighting(("10.66.0.1", 1), 3),)
    refused, sent = victim.node.census().refused, overlay.sent[victim.address]
    tell(overlay, host, stranger, victim, Hit(b"no such.", lie))
    assert overlay.sent[victim.address] == sent
    mine = query(b"mine", KEY, ttl=2)
    tell(overlay, host, stranger, victim, mine, Hit(mine.lookup, lie))
    assert victim.node.census().refused == refused + 2


def test_who_repeats_a_query_draws_no_hits_to_itself():
    """The way back is that of the newest round, and only who seeks can begin one: a stranger that claims the lookup as
    its own, or a later round of it, hears no answer to it."""
    overlay = grow(40)
    seeker, holder = overlay.alive[5], overlay.alive[-1]
    holder.provide(KEY)
    _, thief = intrude(overlay, overlay.hosts[neighbours(seeker)[0]])
    thief.react = lambda _source, frame: rounds_of(frame) if isinstance(frame, Query) else []

    def rounds_of(frame: Query) -> list[Query]:
        return [Query(frame.lookup, KEY, frame.proof, ring, 4, 0) for ring in range(frame.ring, 8)]

    assert holder.address in seek(overlay, seeker, KEY).peers
    assert thief.frames(Query) and not thief.frames(Hit)


def test_liars_who_invent_holders_fail_nobodys_lookup():
    """One node in ten answers every query with 32 holders that do not exist, and passes nothing on: nobody is found
    who has not said itself that it has the item, and all that is there is found."""
    overlay = grow(64, seed=3)
    honest = overlay.alive
    liars = [intrude(overlay, honest[10 * number])[1] for number in range(6)]
    for liar in liars:
        liar.react = lambda _source, frame: invented(frame) if isinstance(frame, Query) else []

    def invented(frame: Query) -> list[Hit]:
        nobody = [(f"10.66.0.{number}", 1) for number in range(32)]
        return [Hit(frame.lookup, tuple(Sighting(address, frame.hops + 1) for address in nobody))]

    rng = Random(4)
    for _ in range(20):
        key = rng.randbytes(20)
        seeker, holder = rng.sample(honest, 2)
        holder.provide(key)
        assert set(seek(overlay, seeker, key, wait_s=10.0).peers) == {holder.address}
    assert all(liar.frames(Query) for liar in liars)
