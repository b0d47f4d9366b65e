"""The unchanged core in the simulated network."""

from __future__ import annotations

import pytest

from harness.contenders.simulated import piece_size
from harness.labs.simulated.network import Network
from harness.labs.simulated.peers import Peer
from harness.labs.simulated.rules import partition
from harness.labs.simulated.sizes import encoded_size
from harness.labs.simulated.swarms import Swarm
from harness.scenarios.model import Content
from p2p_node.core.company import PATIENCE_S
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet

SIZE, PIECE = 1 << 20, 1 << 15
UP, DOWN = 1e6, 4e6


def make_swarm(seed: int = 1, peers: int = 4, *, overlay: str | None = None) -> Swarm:
    """A seed on the tracker's host, and peers on hosts of their own that join at 0."""
    network = Network(seed)
    server = network.add_host(5e6, 5e6)
    swarm = Swarm(network, SIZE, PIECE, seed=seed, tracked_by=None if overlay else server, overlay=overlay)
    swarm.add(server, complete=True)
    for _ in range(peers):
        swarm.add(network.add_host(UP, DOWN))
    return swarm


def run(swarm: Swarm, until: float = 300.0) -> list[float | None]:
    swarm.network.clock.run(until, done=lambda: all(peer.complete for peer in swarm.peers))
    return [peer.completed_at for peer in swarm.peers[1:]]


@pytest.mark.parametrize("overlay", [None, "dht", "gossip"])
def test_everybody_completes_however_peers_are_found(overlay: str | None) -> None:
    swarm = make_swarm(overlay=overlay)
    assert None not in run(swarm)
    for peer in swarm.peers[1:]:
        assert peer.node is not None and peer.node.tally().downloaded == SIZE


def test_the_same_seed_gives_the_same_course_and_another_another() -> None:
    first, again, other = (run(make_swarm(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_nobody_sends_more_than_its_link_carries() -> None:
    swarm = make_swarm()
    run(swarm)
    for peer in swarm.peers:
        link = peer.host.uplink
        # What is handed over last has yet to leave.
        assert link.sent + link.acknowledged <= link.rate * swarm.network.clock.now + 64 * wire.BLOCK


def test_a_poisoner_is_found_out_and_closed_and_all_complete_without_it() -> None:
    swarm = make_swarm(peers=3)
    liar = swarm.add(swarm.network.add_host(10 * UP, DOWN), complete=True, lies=lambda _: True)
    assert None not in run(swarm)[:3]
    assert any("wrong" in reason for peer in swarm.peers[1:4] for reason in peer.closed)
    assert liar.node is not None and liar.address not in {
        source for peer in swarm.peers[1:4] if peer.node is not None for source in peer.node.tally().served
    }


def test_a_crowd_outlives_its_seed_once_a_copy_is_out() -> None:
    swarm = make_swarm()
    seed = swarm.peers[0]
    swarm.network.clock.at(1.2, seed.host.die)
    assert None not in run(swarm)


def test_a_partition_that_ends_only_delays() -> None:
    undisturbed = max(when or 0.0 for when in run(make_swarm()))
    swarm = make_swarm()
    rule = partition({swarm.peers[1].host.address})
    swarm.network.clock.at(0.3, swarm.network.add_rule, rule)
    swarm.network.clock.at(4.3, swarm.network.end_rule, rule)
    times = run(swarm)
    assert None not in times and 4.3 < max(when or 0.0 for when in times) < undisturbed + 15


def test_a_full_disk_is_waited_for_and_a_broken_one_fails_the_peer() -> None:
    swarm = make_swarm(peers=2)
    full, broken = swarm.peers[1:]
    full.disk.full = broken.disk.broken = True

    def make_room() -> None:
        full.disk.full = False

    swarm.network.clock.at(10.0, make_room)
    swarm.network.clock.run(60, done=lambda: full.complete)
    assert full.completed_at is not None and full.completed_at > 10
    assert broken.failed == "cannot write to the disk: Input/output error" and not broken.complete


def test_a_peer_leaves_with_a_goodbye_to_the_tracker() -> None:
    swarm = make_swarm(peers=2)
    run(swarm)
    assert swarm.tracker is not None and swarm.tracker.registry.peer_count == 3
    swarm.peers[1].leave()
    swarm.network.clock.run(swarm.network.clock.now + 5)
    assert swarm.tracker.registry.peer_count == 2 and swarm.peers[1].node is None


def test_a_magnet_link_is_enough() -> None:
    swarm = make_swarm(peers=1)
    host = swarm.network.add_host(UP, DOWN)
    assert swarm.tracker is not None
    late = swarm.add(host, join_at=None)
    swarm.network.clock.at(0.5, late.seek, Magnet(swarm.metainfo.info_hash, None, "item", (swarm.tracker.url,), (), ()))
    assert None not in run(swarm)


def test_peers_tell_what_happens_to_them_in_order() -> None:
    told: list[tuple[float | None, float | None]] = []

    def changed(peer: Peer) -> None:
        told.append((peer.first_byte_at, peer.completed_at))

    swarm = make_swarm(peers=1)
    peer = swarm.add(swarm.network.add_host(UP, DOWN), changed=changed)
    run(swarm)
    assert told[0][0] is not None and told[0][1] is None
    assert told[-1][1] == peer.completed_at
    assert peer.first_peer_at is not None and peer.first_peer_at <= told[0][0]


@pytest.mark.parametrize(
    "message",
    [
        wire.KeepAlive(),
        wire.Choke(),
        wire.Have(3),
        wire.Haves((1, 2, 3)),
        wire.Bitfield(b"abc"),
        wire.Request(1, 2, 3),
        wire.Requests(1, 0, wire.BLOCK, 4),
        wire.Piece(1, 0, b"x" * 100),
        wire.Blocks(1, 0, [b"x" * 100, b"y" * 100]),
        wire.Cancel(1, 2, 3),
        wire.Reject(1, 2, 3),
        wire.Port(5),
        wire.Suggest(1),
        wire.AllowedFast(1),
        wire.HaveAll(),
        wire.HaveNone(),
        wire.Extended(1, b"payload"),
        wire.HashRequest(bytes(32), 0, 1, 2, 3),
        wire.Hashes(bytes(32), 0, 1, 2, 3, bytes(64)),
        wire.HashReject(bytes(32), 0, 1, 2, 3),
        Handshake(bytes(20), bytes(20)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_as_long_as_its_encoding(message: wire.Message | Handshake) -> None:
    encoded = message.encode() if isinstance(message, Handshake) else wire.encode(message)
    assert encoded_size(message) == len(encoded)


def test_a_crowd_on_slow_links_wastes_little_of_them() -> None:
    """Each peer's turn comes twice a minute, and nobody takes that for a refusal; a block in thirty sockets at once
    would take half a minute to send, too long to be of use."""
    size, up, server_up = 1 << 20, 16_000.0, 125_000.0
    network = Network(1)
    server = network.add_host(server_up, server_up)
    swarm = Swarm(network, size, 1 << 14, seed=1, tracked_by=server)
    swarm.add(server, complete=True)
    peers = [swarm.add(network.add_host(up, 8 * up)) for _ in range(24)]
    completed = [at for at in run(swarm) if at is not None]
    assert len(completed) == len(peers)
    assert max(completed) < 1.45 * len(peers) * size / (server_up + len(peers) * up)
    assert sum(peer.node.tally().wasted for peer in peers if peer.node is not None) < 0.15 * len(peers) * size


@pytest.mark.parametrize(("up", "are_patient"), [(70e3, True), (20e3, False)])
def test_who_would_download_for_long_looks_for_more_peers_and_who_is_nearly_done_does_not(up: float, are_patient: bool):
    """Connections that come when a download is nearly over cost more than they bring."""
    network = Network(1)
    server = network.add_host(2 * up, DOWN)
    swarm = Swarm(network, 2 * SIZE, PIECE, seed=1, tracked_by=server)
    for host in (server, *(network.add_host(up, DOWN) for _ in range(40))):
        swarm.add(host, complete=host is server)
    leeches = swarm.peers[1:]
    network.clock.run(PATIENCE_S - 1)
    before = sum(peer.connection_count for peer in leeches)
    network.clock.run(PATIENCE_S + 2)
    assert not any(peer.complete for peer in leeches)
    assert (sum(peer.connection_count for peer in leeches) < 1.1 * before) is are_patient


@pytest.mark.parametrize(
    ("size", "asked", "peers", "length"),
    [
        (16 << 20, 0, 1000, 0),
        (16 << 20, 0, 10_000, 256 << 10),
        (16 << 20, 64 << 10, 10_000, 64 << 10),
        (4 << 20, 0, 10_000, 64 << 10),
    ],
)
def test_in_a_crowd_of_thousands_pieces_are_as_long_as_coarse_blocks(size: int, asked: int, peers: int, length: int):
    """Unless somebody says how long, or few would be left."""
    assert piece_size(Content(size, asked, prewritten=False), peers) == length
