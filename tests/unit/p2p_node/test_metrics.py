"""The node's metrics: what they count is what went over the sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from p2p_node.core.node import Node
from p2p_node.core.rarity import Diversity, Rarity
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.metrics import exposition
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import create_torrent
from p2p_node.shell.verifying import hashers
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import decode_metainfo
from tests.network import make_torrent

SIZE = 2_000_000


def samples(*peers: Peer) -> dict[str, float]:
    lines = exposition(peers).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def transfer(directory: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The samples of a seed, and of the peer that has downloaded from it."""
    (directory / "item").write_bytes(Random(1).randbytes(SIZE))
    metainfo = decode_metainfo(create_torrent(directory / "item"))
    with hashers() as threads:
        seed, leech = Peer(threads), Peer(threads)
        await seed.listen("127.0.6.1", 0)
        await leech.listen("127.0.6.2", 0)
        everything = (1 << metainfo.piece_count) - 1
        seed.join(metainfo, Storage(metainfo, directory / "item", False), everything, SwarmSettings())
        leech.join(metainfo, Storage(metainfo, directory / "copy", True), 0, SwarmSettings())
        leech.feed(lambda node, now: node.learn([seed.address], now))
        try:
            async with asyncio.timeout(20):
                await leech.progress.completion()
            return samples(seed), samples(leech)
        finally:
            await leech.leave(abrupt=True)
            await seed.leave(abrupt=True)


def test_a_transfer_costs_little_more_than_its_payload(tmp_path: Path) -> None:
    """All bytes are counted on both sides, and their ratio to the payload is the protocol's cost."""
    seed, leech = asyncio.run(transfer(tmp_path))
    assert leech["p2p_downloaded_bytes_total"] == seed["p2p_uploaded_bytes_total"] == SIZE
    assert leech["p2p_duplicate_bytes_total"] == leech["p2p_wasted_bytes_total"] == 0
    assert leech["p2p_hash_failures_total"] == 0
    assert 0 < leech["p2p_wire_sent_bytes_total"] <= 0.01 * SIZE
    assert SIZE < leech["p2p_wire_received_bytes_total"] <= seed["p2p_wire_sent_bytes_total"]
    ratio = leech['p2p_wire_per_payload{direction="received"}']
    assert ratio == leech["p2p_wire_received_bytes_total"] / SIZE < 1.01
    assert 'p2p_wire_per_payload{direction="sent"}' not in leech, "nothing was uploaded that it could be told for"


def test_duplicates_are_a_part_of_what_is_wasted() -> None:
    """A block that comes twice counts once as delivered, and once as both."""
    metainfo, server = make_torrent(bytes(4 * BLOCK), 2 * BLOCK), ("http://web/", 0)
    node = Node(metainfo, b"-SB0100-own-own-own-", ("10.0.0.1", 1), 0, SwarmSettings(), Random(1), 0.0)
    downloader = node.swarm.downloader
    downloader.picker.claim(0, server)
    for block in (0, 1, 1):
        downloader.take(0, block, bytes(BLOCK), server)
    node.piece_verified(0, True, 0.1)
    tally = node.tally()
    assert (tally.downloaded, tally.duplicates, tally.wasted) == (2 * BLOCK, BLOCK, BLOCK)


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([], Diversity(0.0, 0, 4)),
        ([0b0011, 0b0001], Diversity(0.75, 0, 2)),
        ([0b1111], Diversity(1.0, 1, 4)),
        ([0b1111, 0b0111, 0b0001], Diversity(2.0, 1, 1)),
    ],
)
def test_diversity_tells_how_evenly_pieces_are_spread(peers: list[int], expected: Diversity) -> None:
    """The copies of a piece on average, the fewest, and the pieces that have so few; seeds have all."""
    rarity = Rarity(4)
    for have in peers:
        rarity.add_all(have)
    assert rarity.diversity == expected


def test_a_process_without_a_swarm_has_no_diversity() -> None:
    """Rather than a false zero."""
    assert not [name for name in samples() if "copies" in name]


def test_a_peer_without_connections_has_no_diversity(tmp_path: Path) -> None:
    """It sees nobody, and so cannot tell; the copies that others see are not made less by it."""
    metainfo = make_torrent(bytes(4 * BLOCK), 2 * BLOCK)

    async def go() -> dict[str, float]:
        with hashers() as threads:
            peer = Peer(threads)
            await peer.listen("127.0.6.3", 0)
            peer.join(metainfo, Storage(metainfo, tmp_path / "item", True), 0, SwarmSettings())
            try:
                return samples(peer)
            finally:
                await peer.leave(abrupt=True)

    told = asyncio.run(go())
    assert told["p2p_peers"] == 1
    assert not [name for name in told if "copies" in name]
