"""Pieces that are fetched again, by one peer alone or from another peer: nobody who is of no use gets in the way.

Each of these was found by `make simulate`.
"""

from __future__ import annotations

from random import Random

import pytest

from p2p_node.boundary import Effect, Send
from p2p_node.core.connection import Connection
from p2p_node.core.downloader import SNUBBED_S, Downloader
from p2p_node.core.picker import Picker
from p2p_node.wire import messages as wire
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK
from tests.network import make_torrent

METAINFO = make_torrent(Random(1).randbytes(4 * BLOCK), 4 * BLOCK, ())
"""One piece of four blocks."""


def a_peer(number: int) -> Connection:
    peer = Connection(number, (f"10.0.0.{number}", 6881), True, 0.0)
    peer.have = 1
    peer.peer_choking, peer.am_interested = False, True
    return peer


def test_who_worked_on_a_wrong_piece_gets_no_part_in_its_repetition() -> None:
    """One peer alone is to repeat it: what another sent would be thrown away and never asked for again."""
    picker = Picker(METAINFO, 0, Random(1))
    first, second = a_peer(1), a_peer(2)
    picker.pick(first, 2)
    picker.pick(second, 2)
    picker.receive(0, 0b0011, first.address)
    picker.receive(0, 0b1100, second.address)
    assert picker.failed(0) is None
    assert picker.pick(first, 2) == (0, range(2))
    assert picker.pick(second, 2) is None
    assert picker.pick(first, 2) == (0, range(2, 4))


def test_who_talks_but_sends_no_block_is_asked_behind_all_others() -> None:
    """Else a free rider would be given the same piece again and again."""
    rider, other = a_peer(1), a_peer(2)
    downloader = Downloader(METAINFO, 0, {1: rider, 2: other}, [], Random(1))
    downloader.picker.trust.failed([rider.address, other.address])  # whoever has it shall have it alone
    downloader.fill_all(0.0)
    assert len(rider.pending) > 0 and not other.pending
    now = SNUBBED_S + 1.0
    rider.last_received = now
    downloader.release_snubbed(now)
    downloader.fill_all(now)
    assert len(other.pending) > 0 and not rider.pending


def test_who_sends_a_block_again_is_asked_like_all_others() -> None:
    """It may only have been slow."""
    slow = a_peer(1)
    downloader = Downloader(METAINFO, 0, {1: slow}, [], Random(1))
    downloader.fill_all(0.0)
    downloader.release_snubbed(SNUBBED_S + 1.0)
    assert slow.snubs
    downloader.received(slow, wire.Blocks(0, 0, [bytes(BLOCK)]), SNUBBED_S + 2.0)
    assert not slow.snubs


def test_who_takes_as_long_as_all_others_is_no_snub() -> None:
    """In a crowd on slow links each peer's turn comes once in half a minute."""
    slow = a_peer(1)
    downloader = Downloader(METAINFO, 0, {1: slow}, [], Random(1))
    downloader.fill_all(0.0)
    for block in range(2):
        downloader.received(slow, wire.Blocks(0, block * BLOCK, [bytes(BLOCK)]), (block + 1) * 2 * SNUBBED_S)
    downloader.release_snubbed(5.5 * SNUBBED_S)
    assert not slow.snubs and len(slow.pending) > 0


def test_who_is_not_waited_for_any_longer_is_told() -> None:
    """What it would send for nothing takes its uplink; and its answers, to the first and to the next request, are no
    breach of the protocol."""
    slow = a_peer(1)
    effects: list[Effect] = []
    downloader = Downloader(METAINFO, 0, {1: slow}, effects, Random(1))
    for round_ in range(2):
        downloader.fill_all(round_ * 40.0)
        assert slow.pending.among(0, 1)
        downloader.release_snubbed(round_ * 40.0 + SNUBBED_S + 1.0)
    cancelled = [
        effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, wire.Cancel)
    ]
    assert cancelled.count(wire.Cancel(0, 0, BLOCK)) == 2
    downloader.rejected(slow, 0, 0)
    downloader.received(slow, wire.Blocks(0, 0, [bytes(BLOCK)]), 100.0)
    with pytest.raises(ProtocolError):
        downloader.rejected(slow, 0, 0)
