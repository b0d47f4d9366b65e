"""How many requests lie with a peer: enough that its link never idles, few where everybody would wait for them."""

from __future__ import annotations

from random import Random

from p2p_node.core.connection import Connection
from p2p_node.core.downloader import END_SHARE, MIN_QUEUE, SPACED_S, Downloader
from p2p_node.wire.messages import BLOCK, Blocks, Requests
from tests.network import make_torrent

PIECES = 50
EVERYTHING = (1 << PIECES) - 1


def a_peer(number: int) -> Connection:
    peer = Connection(number, ("10.0.0.2", number), True, 0.0)
    peer.have = EVERYTHING
    peer.peer_choking, peer.am_interested = False, True
    return peer


def asked_of(have: int = 0, upload: int | None = None) -> int:
    """Requests sent to a peer that sends 10 blocks a second, to which we upload so many bytes a second, if any."""
    peer = a_peer(1)
    peer.latency = 0.0
    metainfo = make_torrent(Random(1).randbytes(PIECES * BLOCK), BLOCK, ())
    downloader = Downloader(metainfo, have, {1: peer}, [], Random(1))
    peer.download.add(20 * BLOCK, 2.0)
    if upload is not None:
        peer.upload.add(2 * upload, 2.0)
        peer.uploads.append(Requests(0, 0, BLOCK, 1))
    downloader.fill(peer, 2.0)
    return len(peer.pending)


def test_requests_that_wait_behind_our_own_blocks_need_company() -> None:
    """On a slow uplink a request takes as long as the block before it, and the peer would run dry meanwhile."""
    assert asked_of(upload=BLOCK * 2) == asked_of() + 5


def test_a_stalled_upload_deepens_the_queue_by_a_second_at_most() -> None:
    """Nothing is known of how long it will take."""
    assert asked_of(upload=1) == asked_of() + 10


def test_queues_are_short_near_the_end() -> None:
    """What is asked of a slow peer then is what everybody waits for."""
    few = PIECES // END_SHARE - 1
    assert asked_of(have=EVERYTHING >> few) < asked_of()


def asked_while_blocks_come_apart(seed: bool, own_block_s: float) -> int:
    """Requests with a peer whose blocks come 2 SPACED_S apart, while each of our own takes so long on our uplink."""
    peer, other = a_peer(1), a_peer(2)
    peer.upload_only = seed
    metainfo = make_torrent(Random(1).randbytes(PIECES * BLOCK), BLOCK, ())
    downloader = Downloader(metainfo, 0, {1: peer, 2: other}, [], Random(1))
    downloader.fill(peer, 0.0)
    for turn in range(1, 20):
        now = turn * 2 * SPACED_S
        downloader.received(peer, Blocks(next(iter(peer.pending)).piece, 0, [bytes(BLOCK)]), now)
        other.upload.add(int(2 * BLOCK / own_block_s), now)
        downloader.fill(peer, now)
    return len(peer.pending)


def test_a_seed_that_waits_for_our_requests_is_asked_for_more() -> None:
    """They wait behind our own blocks, which take longer than the seed's are apart; others may be as slow as we are."""
    assert asked_while_blocks_come_apart(seed=True, own_block_s=3 * SPACED_S) > 1
    assert asked_while_blocks_come_apart(seed=True, own_block_s=SPACED_S) == 1
    assert asked_while_blocks_come_apart(seed=False, own_block_s=3 * SPACED_S) == 1


def test_a_peer_whose_blocks_come_far_apart_is_asked_for_one_at_a_time() -> None:
    """The next request reaches it long before its turn; thirty such peers would keep ninety blocks from all others."""
    peer, newcomer = a_peer(1), a_peer(2)
    downloader = Downloader(make_torrent(Random(1).randbytes(PIECES * BLOCK), BLOCK, ()), 0, {1: peer}, [], Random(1))
    downloader.fill(peer, 0.0)
    assert len(peer.pending) == MIN_QUEUE
    for turn in range(1, 20):
        now = turn * 2 * SPACED_S
        downloader.received(peer, Blocks(next(iter(peer.pending)).piece, 0, [bytes(BLOCK)]), now)
        downloader.fill(peer, now)
    assert len(peer.pending) == 1
    downloader.fill(newcomer, now)
    assert len(newcomer.pending) == 1  # as of the others, so of one that sent nothing yet
