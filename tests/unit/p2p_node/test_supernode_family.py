"""The hybrid family in virtual time: real leaves and supernodes over a network that delays and kills."""

from __future__ import annotations

from random import Random

import pytest
from overlay import Host, Overlay

from p2p_node.discovery.limits import MAX_QUERIES
from p2p_node.discovery.supernode.leaf import SupernodeLeaf
from p2p_node.discovery.supernode.mesh import MAX_CANDIDATES
from p2p_node.discovery.supernode.node import Supernode
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.supernode import Hit, News, Nodes, Ping, Query, SummaryPart, decode, encode

KEY = b"k" * 20


def network(supernodes: int, leaves: int) -> tuple[Overlay, list[Host], list[Host]]:
    """A mesh that is complete, and leaves that have homes, of which they knew one supernode."""
    net = Overlay(seed=5)
    mesh = [net.add(Supernode) for _ in range(supernodes)]
    for host in mesh:
        host.join(mesh[:1] if host is not mesh[0] else [])
    net.run(2)
    others = [net.add(SupernodeLeaf) for _ in range(leaves)]
    for host in others:
        host.join(mesh[:1])
    net.run(2)
    return net, mesh, others


def test_supernodes_learn_of_each_other_and_leaves_spread_over_them() -> None:
    """All know all, from one contact, and no supernode has more than its share twice over."""
    _, mesh, leaves = network(8, 64)
    assert all(len(host.node.mates) == 7 for host in mesh)
    homes = [host.node.home for host in leaves]
    assert len(set(homes)) == 8 and max(map(homes.count, homes)) <= 16


def test_the_one_who_has_a_rare_item_is_found_from_everywhere() -> None:
    """In at most two hops, within 200 ms, and with at most ten messages."""
    net, mesh, leaves = network(8, 64)
    leaves[0].provide(KEY)
    net.run(1)
    net.costs()
    lookups = [host.seek(KEY) for host in (*mesh, *leaves[1:])]
    net.run(1)
    assert all(set(lookup.peers) == {leaves[0].address} for lookup in lookups)
    assert all(lookup.hops <= 2 and lookup.first_s is not None and lookup.first_s < 0.2 for lookup in lookups)
    assert sum(net.costs().values()) <= 10 * len(lookups)


def test_seeking_makes_nobody_a_provider() -> None:
    """Two who only seek do not find each other, and what was withdrawn is found no more."""
    net, _, leaves = network(4, 8)
    leaves[0].provide(KEY)
    net.run(1)
    leaves[0].withdraw(KEY)
    net.run(1)
    lookups = [host.seek(KEY) for host in leaves[1:]] + [host.seek(KEY) for host in leaves[1:]]
    net.run(2)
    assert all(lookup.peers == {} and lookup.ended_s is not None for lookup in lookups)


def test_everything_is_found_again_five_seconds_after_half_of_the_supernodes_died() -> None:
    """Whoever had registered with the dead has registered with others."""
    net, mesh, leaves = network(8, 64)
    keys = [Random(number).randbytes(20) for number in range(64)]
    for host, key in zip(leaves, keys, strict=True):
        host.provide(key)
    net.run(20)
    net.kill(mesh[::2])
    net.run(5)
    lookups = [leaves[number - 1].seek(key) for number, key in enumerate(keys)]
    net.run(2)
    assert all(lookup.peers for lookup in lookups)


def test_liars_who_claim_everything_hide_nothing() -> None:
    """A summary that is full is not believed, and junk that a mate tells stands beside what the others know."""
    net, mesh, leaves = network(4, 16)
    liar, junk = mesh[1], ("192.0.2.9", 9)
    leaves[0].provide(KEY)
    net.run(1)

    def lie(source: tuple[str, int], data: bytes, _now: float) -> bool:
        frame = decode(data) if data[:1] == b"\xf6" else None
        if isinstance(frame, Ping):
            net.send(liar.address, source, encode(SummaryPart(9, 0, 1, b"\xff" * 512)))
            net.send(liar.address, source, encode(News(9, 10, (KEY,))))
        if isinstance(frame, Query):
            net.send(liar.address, source, encode(Hit(frame.number, frame.lookup, (junk,) * 60)))
        return True

    liar.node.datagram_received = lie
    net.run(30)
    lookups = [host.seek(KEY) for host in leaves[1:] if host.node.home != liar.address]
    net.run(2)
    assert lookups and all(leaves[0].address in lookup.peers for lookup in lookups)
    assert sum(host.node.census().refused for host in mesh) > 0


def test_who_asks_too_much_is_told_what_its_supernode_knows_itself() -> None:
    """A flood of one leaf's questions is passed on so often and no more, and counted; the others' are passed on."""
    net, _, leaves = network(4, 16)
    leaves[0].provide(KEY)
    net.run(1)
    flooder, other = [host for host in leaves if host.node.home != leaves[0].node.home][:2]
    home = net.hosts[flooder.node.home]
    for _ in range(40):
        for _ in range(10):
            flooder.seek(KEY)
        net.run(0.1)
    assert home.node.census().dropped == 400 - MAX_QUERIES
    lookup = other.seek(KEY)
    net.run(1)
    assert set(lookup.peers) == {leaves[0].address}


def test_a_newcomer_gets_in_whoever_makes_supernodes_up() -> None:
    """A mate names a thousand ports of the newcomer's own host and a thousand others, and a host writes from a thousand
    ports, none of which answers: all that takes bounded room, is counted, and the newcomer's leaves find everything."""
    net, mesh, leaves = network(2, 8)
    leaves[0].provide(KEY)
    victim, liar = mesh
    late = "10.9.9.9"

    def make_up() -> None:
        for at in range(1000, 2000, 50):
            names = (Nodes(tuple((host, port) for port in range(at, at + 50))) for host in (late, "192.0.2.1"))
            for frame in names:
                victim.receive(liar.address, encode(frame))
            for port in range(at, at + 50):
                victim.receive(("192.0.2.2", port), encode(Ping(1, 1)))

    for tenth in range(60):
        net.at(net.now + tenth / 10, make_up)
    net.run(1)
    newcomer = net.add(Supernode, (late, 6969))
    newcomer.join([victim])
    net.run(1)
    assert newcomer.address in victim.node.mates
    assert victim.node.census().entries <= 3 + 2 * MAX_CANDIDATES + len(leaves)
    assert victim.node.census().dropped > 1000
    lookup = newcomer.seek(KEY)
    net.run(1)
    assert set(lookup.peers) == {leaves[0].address}


def test_strangers_get_no_summary_and_no_answer() -> None:
    """Frames of who is not in the mesh are refused and counted; a ping is answered by no more than itself."""
    net, mesh, _ = network(2, 0)
    stranger = ("192.0.2.1", 1)
    before = net.sent[mesh[0].address]
    mesh[0].receive(stranger, encode(Query(1, b"l" * 8, KEY, 9)))
    mesh[0].receive(stranger, encode(Nodes((("192.0.2.2", 2),))))
    assert mesh[0].node.census().refused == 2
    assert net.sent[mesh[0].address] - before <= 1


@pytest.mark.parametrize(
    "data", [b"", b"\x63", b"\x00", b"\x03x", b"\x05" + bytes(6), b"\x06" + bytes(9), b"\x08" + bytes(11)]
)
def test_malformed_frames_are_refused(data: bytes) -> None:
    """Of unknown kind, or of another length than their kind has."""
    with pytest.raises(ProtocolError):
        decode(b"\xf6SB\x01" + data)
