"""The gossip overlay as such: how nodes become neighbours, stay it, and replace each other. Real nodes in virtual
time."""

from __future__ import annotations

from statistics import mean

import pytest

from p2p_node.discovery.gossip.membership import MAX_EVICTIONS
from p2p_node.discovery.gossip.node import GossipNode
from p2p_node.discovery.gossip.pulse import BEAT_S
from p2p_node.discovery.gossip.settings import GossipSettings
from p2p_node.discovery.gossip.views import MAX_WALKS
from p2p_node.wire.gossip import (
    MAX_NODES,
    Answer,
    Cookie,
    Disconnect,
    ForwardJoin,
    Join,
    Neighbor,
    Ping,
    Shuffle,
    ShuffleReply,
    encode,
)
from tests.gossiping import Stranger, add, graph, grow, intrude, neighbours, one_sided, reached, tell
from tests.overlay import Overlay

SETTINGS = GossipSettings()
KEY = b"k" * 20


def is_whole(overlay):
    """Whether everybody alive can reach everybody alive."""
    links = graph(overlay)
    return len(reached(links, next(iter(links)), len(links))) == len(links)


def invented(count, network=66):
    """Addresses of nobody."""
    return tuple((f"10.{network}.{number >> 8}.{number & 255}", 6881) for number in range(1, count + 1))


def test_all_who_join_are_one_overlay_of_mutual_neighbours():
    """Both ends know of each link, nobody has too many, nearly all have enough."""
    overlay = grow(100)
    degrees = [len(neighbours(host)) for host in overlay.alive]
    assert all(host.node.joined for host in overlay.alive)
    assert is_whole(overlay) and not one_sided(graph(overlay))
    assert max(degrees) <= SETTINGS.neighbours and mean(degrees) >= SETTINGS.wanted
    assert max(host.node.census().entries for host in overlay.alive) < 2 * SETTINGS.passive


def test_a_crowd_comes_in_through_one_contact():
    """All at the same moment: whom the contact has no place for, it sends on to others. Where messages that crossed
    left a link to one end alone, that is noticed within a beat."""
    overlay = Overlay(2)
    first, *crowd = [add(overlay) for _ in range(200)]
    first.join([])
    for host in crowd:
        host.join([first])
    overlay.run(0.1)
    assert all(host.node.joined for host in crowd)
    overlay.run(5)
    assert is_whole(overlay)
    overlay.run(BEAT_S)
    assert not one_sided(graph(overlay))


def test_the_first_node_has_joined_and_one_with_a_dead_contact_has_not():
    """Who can reach nobody does not take itself for an overlay; it tries its other contacts."""
    overlay = Overlay()
    first, dead, late = (add(overlay) for _ in range(3))
    overlay.kill([dead])
    first.join([])
    late.join([dead])
    overlay.run(20)
    assert first.node.joined and not late.node.joined
    late.join([first])
    overlay.run(10)
    assert neighbours(late) == (first.address,)


def test_dead_neighbours_are_replaced_within_seconds_while_there_is_traffic():
    """A third of all hosts fall silent at once; ten seconds of searches later hardly anybody counts on one of them."""
    overlay = grow(100)
    overlay.kill(overlay.rng.sample(overlay.alive, 30))
    for _ in range(40):
        overlay.rng.choice(overlay.alive).seek(overlay.rng.randbytes(20))
        overlay.run(0.25)
    links = graph(overlay)
    assert sum(other not in links for one in links for other in links[one]) <= 0.05 * len(links)
    assert mean(map(len, links.values())) >= SETTINGS.wanted - 0.5
    assert is_whole(overlay)


def test_dead_neighbours_are_replaced_within_a_beat_though_nobody_searches():
    """Signs of life are rare where nothing is to be said, but they come."""
    overlay = grow(100)
    overlay.kill(overlay.rng.sample(overlay.alive, 30))
    overlay.run(1.25 * BEAT_S)
    links = graph(overlay)
    assert not one_sided(links) and is_whole(overlay)
    assert mean(map(len, links.values())) >= SETTINGS.wanted - 0.5


def test_an_idle_node_is_quiet():
    """About one message in five seconds, with all that keeps the overlay together."""
    overlay = grow(100, settle_s=300)
    before = overlay.sent.total()
    overlay.run(200)
    assert (overlay.sent.total() - before) / 100 / 200 <= 0.25


def test_nobody_is_mistaken_for_dead_where_datagrams_are_lost():
    """One in twenty: neighbours live on as such, though now and then a sign of life is lost."""
    overlay = grow(60, loss=0.05, settle_s=30)
    before = graph(overlay)
    for _ in range(60):
        overlay.rng.choice(overlay.alive).seek(KEY)
        overlay.run(1)
    after = graph(overlay)
    lost = sum(other not in after[one] for one in before for other in before[one])
    assert lost <= 0.05 * sum(map(len, before.values()))
    assert len(one_sided(after)) <= 4 and is_whole(overlay)


def test_who_leaves_is_let_go_at_once():
    """A goodbye spares the neighbours the silence, and nobody asks for the leaver again."""
    overlay = grow(30)
    leaver = overlay.alive[10]
    leaver.leave()
    overlay.run(0.5)
    links = graph(overlay)
    assert all(leaver.address not in others for others in links.values())
    assert mean(map(len, links.values())) >= SETTINGS.wanted


def test_who_lost_everybody_comes_back_through_its_contacts():
    """A host that was cut off for a minute, which forgot all others and was forgotten."""
    overlay = grow(30)
    lonely = overlay.alive[-1]
    overlay.reachable = lambda source, to: lonely.address not in (source, to)
    overlay.run(2 * BEAT_S + 60)
    assert not neighbours(lonely)
    overlay.reachable = lambda _source, _to: True
    overlay.run(10)
    assert neighbours(lonely) and not one_sided(graph(overlay))


def test_halves_that_were_cut_off_from_each_other_meet_again():
    """Each has all the neighbours it wants by then, and asks beyond its own half nevertheless."""
    overlay = grow(60, settle_s=30)
    half = {host.address for host in overlay.alive[:30]}
    overlay.reachable = lambda source, to: (source in half) == (to in half)
    overlay.run(3 * BEAT_S)
    assert not is_whole(overlay)
    overlay.reachable = lambda _source, _to: True
    overlay.run(200)
    assert is_whole(overlay)


def test_a_restarted_host_is_a_new_node():
    """Its old neighbours learn from it that they are none, and it finds new ones."""
    overlay = grow(30)
    address = overlay.alive[10].address
    overlay.kill([overlay.hosts.pop(address)])
    again = add(overlay, address=address)
    again.join(overlay.alive[:1])
    overlay.run(5)
    for host in overlay.alive:
        host.seek(KEY)
    overlay.run(5)
    assert neighbours(again) and not one_sided(graph(overlay))


def test_a_node_knows_itself_under_an_address_it_was_not_told():
    """It listens on every interface, and is named to itself by others: no node becomes its own neighbour."""
    overlay = Overlay()
    other = add(overlay)
    host = overlay.add(lambda _own, rng, now: GossipNode(("0.0.0.0", 6881), rng, now))
    host.join([host, other])
    overlay.run(10)
    assert neighbours(host) == (other.address,) and neighbours(other) == (host.address,)
    assert host.address not in host.node.neighbours


# Strangers


def test_joins_in_somebody_elses_name_take_no_place():
    """Who does not receive where it claims to be, has no cookie; and its victim gets no more bytes than were sent."""
    overlay = grow(10)
    victim = overlay.alive[3]
    before = neighbours(victim)
    spoofed = invented(50)
    sent = overlay.sent[victim.address]
    for address in spoofed:
        overlay.send(address, victim.address, encode(Join()))
        overlay.send(address, victim.address, encode(Neighbor(True, b"guessed.")))
    overlay.run(1)
    assert set(neighbours(victim)) >= set(before) and not set(neighbours(victim)) & set(spoofed)
    assert overlay.sent[victim.address] - sent <= 2 * len(spoofed) + 10
    assert len(encode(Cookie(bytes(8)))) <= len(encode(Join()))


def test_a_flood_of_joins_leaves_the_oldest_neighbours():
    """However many addresses somebody has: half of the places stay with who has lasted, and the flood is slowed
    down."""
    overlay = grow(40)
    victim = overlay.alive[20]
    oldest = neighbours(victim)[: len(neighbours(victim)) // 2]
    strangers = [overlay.add(lambda _own, _rng, _now: Stranger(), address) for address in invented(300)]
    for host in strangers:
        host.join([victim])
    overlay.run(1)
    accepted = sum(answer.accepted for host in strangers for answer in host.node.frames(Answer))
    assert set(oldest) <= set(neighbours(victim))
    assert accepted <= MAX_EVICTIONS + 10
    overlay.kill(strangers)
    overlay.run(2 * BEAT_S)
    assert mean(len(neighbours(host)) for host in overlay.alive) >= SETTINGS.wanted - 0.5


def test_one_shuffle_changes_a_bounded_share_of_the_view():
    """And a stream of them no more than its sender's walks allow: the passive view is not one neighbour's to fill."""
    overlay = grow(60)
    victim = overlay.alive[20]
    host, stranger = intrude(overlay, victim)
    tell(overlay, host, stranger, victim, Shuffle(b"nonce..1", 1, None, invented(MAX_NODES)))
    reply = stranger.frames(ShuffleReply)[-1]
    assert len(reply.nodes) <= MAX_NODES and not set(reply.nodes) & set(invented(MAX_NODES))
    dropped = victim.node.census().dropped
    walks = [Shuffle(b"nonce..2", 1, None, invented(MAX_NODES, 70 + number)) for number in range(100)]
    tell(overlay, host, stranger, victim, *walks)
    assert victim.node.census().dropped - dropped >= len(walks) - MAX_WALKS - 2
    assert victim.node.census().entries <= SETTINGS.passive + 20


def test_shuffle_replies_nobody_asked_for_are_refused():
    """As are cookies and answers: each belongs to something that was said."""
    overlay = grow(20)
    victim = overlay.alive[10]
    host, stranger = intrude(overlay, victim)
    before = victim.node.census()
    unasked = [ShuffleReply(bytes(8), invented(8)), Cookie(bytes(8)), Answer(True, bytes(8), invented(8))]
    tell(overlay, host, stranger, victim, *unasked)
    after = victim.node.census()
    assert after.refused - before.refused == 3
    assert after.entries == before.entries


def test_walks_that_a_neighbour_invents_are_few():
    """Word of a newcomer makes somebody ask it; whoever sends on hundreds is not listened to."""
    overlay = grow(40)
    victim = overlay.alive[20]
    host, stranger = intrude(overlay, victim)
    overlay.run(1)
    sent = overlay.sent.total()
    tell(overlay, host, stranger, victim, *(ForwardJoin(address, 255) for address in invented(200)))
    overlay.run(5)
    assert overlay.sent.total() - sent <= MAX_WALKS * 12 + 500
    assert victim.node.census().dropped >= 200 - MAX_WALKS - 2


@pytest.mark.parametrize("frame", [Disconnect(), Disconnect(leaving=True), Ping(), Shuffle(bytes(8), 1, None, ())])
def test_who_is_no_neighbour_changes_nothing(frame):
    """It is told that it is none, at most."""
    overlay = grow(20)
    victim = overlay.alive[10]
    before = neighbours(victim)
    stranger = Stranger()
    host = overlay.add(lambda _own, _rng, _now: stranger)
    tell(overlay, host, stranger, victim, frame)
    assert neighbours(victim) == before
    overlay.run(60)
    assert all(isinstance(answer, Disconnect) for _, answer in stranger.heard)


def test_malformed_frames_are_counted_and_nothing_else():
    """From neighbours, too."""
    overlay = grow(10)
    victim, sender = overlay.alive[3], neighbours(overlay.alive[3])[0]
    refused = victim.node.census().refused
    for data in (encode(Ping()) + b"x", encode(Join())[:-1], encode(Ping())[:4] + b"\xff"):
        assert victim.node.datagram_received(sender, data, overlay.now)
    assert victim.node.census().refused == refused + 3
    assert not victim.node.datagram_received(sender, b"d1:q4:pinge", overlay.now)
