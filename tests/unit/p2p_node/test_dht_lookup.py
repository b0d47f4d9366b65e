"""One lookup: whom it asks, when it ends, and that nobody can lead it astray."""

from __future__ import annotations

from p2p_node.discovery.dht.bucket import K
from p2p_node.discovery.dht.lookup import ALPHA, MAX_ASKED, MAX_PER_HOST, Aim, Candidate, Lookup
from p2p_node.wire.address import Address
from p2p_node.wire.krpc import Answer, NodeInfo

TARGET = bytes(20)


def node(distance: int, host: str = "") -> NodeInfo:
    """A node so far from the target, on a host of its own."""
    return NodeInfo(distance.to_bytes(20, "big"), (host or f"10.1.{distance >> 8 & 255}.{distance & 255}", 6881))


def answer(sender: NodeInfo, nodes: tuple[NodeInfo, ...] = (), peers: tuple[Address, ...] = ()) -> Answer:
    return Answer(b"", sender.id, nodes, peers, token=b"token")


def who(candidate: Candidate) -> NodeInfo:
    assert candidate.id is not None
    return NodeInfo(candidate.id, candidate.address)


def begun(*nodes: NodeInfo) -> Lookup:
    lookup = Lookup(Aim.SEEK, TARGET, b"o" * 20)
    lookup.learn(nodes, 1)
    return lookup


def test_it_asks_the_nearest_first_and_few_at_a_time() -> None:
    """The next whenever one has answered."""
    lookup = begun(*(node(distance) for distance in range(20, 0, -1)))
    asked = lookup.next()
    assert [who(one) for one in asked] == [node(1), node(2), node(3)] and len(asked) == ALPHA
    assert lookup.next() == []
    lookup.answered(asked[0], answer(node(1)))
    assert [who(one) for one in lookup.next()] == [node(4)]


def test_it_ends_when_the_k_nearest_have_answered() -> None:
    """Farther ones that it has heard of are left alone."""
    lookup = begun(*(node(distance) for distance in range(1, 30)))
    answered = 0
    while chosen := lookup.next():
        for one in chosen:
            lookup.answered(one, answer(who(one)))
            answered += 1
    assert lookup.done and answered == K
    assert [taker for taker, _ in lookup.takers()] == [node(distance) for distance in range(1, K + 1)]


def test_hops_are_counted_from_who_named_whom() -> None:
    """A node of the own table is one away, whom it names two."""
    lookup = begun(node(100))
    (first,) = lookup.next()
    lookup.answered(first, answer(node(100), nodes=(node(10),)))
    (second,) = lookup.next()
    lookup.answered(second, answer(node(10)))
    assert (first.depth, second.depth, lookup.hops) == (1, 2, 2)


def test_who_is_late_gives_its_turn_away_and_may_answer_yet() -> None:
    """A dead node costs a moment; a slow one is not lost."""
    lookup = begun(node(1), node(2), node(3), node(4))
    slow, *_ = lookup.next()
    lookup.late(slow)
    assert [who(one) for one in lookup.next()] == [node(4)]
    assert lookup.answered(slow, answer(node(1), peers=(("10.0.0.1", 1),))) == [("10.0.0.1", 1)]


def test_it_does_not_wait_for_late_ones_when_all_others_have_answered() -> None:
    """They may be dead: nobody could tell yet."""
    lookup = begun(node(1), node(2))
    late, other = lookup.next()
    lookup.late(late)
    lookup.answered(other, answer(node(2)))
    assert lookup.next() == [] and lookup.done


def test_peers_are_named_once() -> None:
    """By whichever node is first."""
    lookup = begun(node(1), node(2))
    first, second = lookup.next()
    peers = ("10.0.0.1", 1), ("10.0.0.2", 2)
    assert lookup.answered(first, answer(node(1), peers=peers[:1] * 3)) == [peers[0]]
    assert lookup.answered(second, answer(node(2), peers=peers)) == [peers[1]]


def test_the_own_node_is_not_asked() -> None:
    """Others name it, since they know it."""
    lookup = begun(NodeInfo(b"o" * 20, ("10.1.0.1", 1)))
    assert lookup.next() == [] and lookup.done


def test_nodes_without_end_end_somewhere() -> None:
    """A liar that names ever nearer nodes, which all agree with it, wears out its welcome."""
    distance = 1 << 150
    lookup = begun(node(distance))
    asked = 0
    while chosen := lookup.next():
        asked += len(chosen)
        for one in chosen:
            distance -= 1 << 100
            hosts = (f"10.{asked}.{number}.1" for number in range(K))
            nearer = tuple(node(distance - number, host) for number, host in enumerate(hosts))
            lookup.answered(one, answer(who(one), nodes=nearer))
    assert lookup.done and asked == MAX_ASKED


def test_a_host_answers_once_under_whatever_ids() -> None:
    """One address with many near ids is one node, not the K nearest."""
    liar = "84.1.1.1"
    honest = [node(distance) for distance in range(100, 110)]
    lookup = begun(*honest, *(node(distance, liar) for distance in range(1, 20)))
    asked = []
    while chosen := lookup.next():
        asked += chosen
        for one in chosen:
            lookup.answered(one, answer(who(one)))
    assert sum(one.address[0] == liar for one in asked) <= MAX_PER_HOST
    assert {one.id for one in asked} >= {one.id for one in honest[: K - MAX_PER_HOST]}


def test_honest_nodes_are_not_hidden_by_lies_about_them() -> None:
    """Named under a wrong id first, then under its own, a node is judged by the id with which it answers."""
    lookup = begun(node(1 << 159, "10.9.9.9"), node(7, "10.9.9.9"))
    (first,) = [one for one in lookup.next() if one.distance == 7]
    lookup.answered(first, answer(node(5, "10.9.9.9")))
    assert [taker.id for taker, _ in lookup.takers()] == [node(5).id]


def test_addresses_without_ids_are_asked_when_nobody_is_known() -> None:
    """That is how a network is entered."""
    lookup = Lookup(Aim.JOIN, TARGET, b"o" * 20)
    lookup.start_at([("10.0.0.1", 6881)])
    (contact,) = lookup.next()
    assert contact.id is None
    lookup.answered(contact, answer(node(9, "10.0.0.1"), nodes=(node(1),)))
    assert [who(one) for one in lookup.next()] == [node(1)]
