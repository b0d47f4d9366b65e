"""A swarm in the simulated network: one torrent, what its peers meet by, and the peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from harness.labs.simulated.hosts import Host
from harness.labs.simulated.network import Network
from harness.labs.simulated.overlays import Overlay
from harness.labs.simulated.peers import PORT, Peer
from harness.labs.simulated.trackers import Tracker
from harness.labs.simulated.uploads import Lies
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo, Trackers, choose_piece_length, decode_metainfo, encode_torrent

DIGEST = bytes(20)

COARSE_PIECES = 64
"""Fewer would make a crowd wait for whole pieces most of its time."""


def make_torrent(size: int, piece_length: int = 0, trackers: Trackers = (), grain: int = 1) -> Metainfo:
    """A torrent of one file of so many bytes, whose hashes nobody computes; a piece length of 0 is chosen by size.

    With a `grain` the torrent has as many pieces, all of them so many times smaller.
    """
    piece_length = (piece_length or choose_piece_length(size)) // grain
    size = -(-size // grain)
    pieces = -(-size // piece_length)
    info = {b"length": size, b"name": b"item", b"piece length": piece_length, b"pieces": DIGEST * pieces}
    return decode_metainfo(encode_torrent(info, trackers))


def coarse_piece_length(size: int, grain: int) -> int:
    """How long pieces are that are no shorter than a block of which each byte stands for `grain`, if that leaves
    COARSE_PIECES."""
    length = choose_piece_length(size)
    while length < grain * BLOCK and size >= 2 * length * COARSE_PIECES:
        length *= 2
    return length


class Swarm:
    """Peers of one torrent in a network; found by a tracker at `tracked_by`, by `trackers` that are elsewhere, or by an
    `overlay` whose first member is the first peer. Everything random comes from `seed`. Each byte of payload stands for
    `grain` bytes of the item."""

    def __init__(
        self,
        network: Network,
        size: int,
        piece_length: int = 0,
        *,
        seed: int | str = 0,
        tracked_by: Host | None = None,
        trackers: Trackers = (),
        overlay: str | None = None,
        grain: int = 1,
        settings: SwarmSettings | None = None,
    ) -> None:
        self.network = network
        self.peers: list[Peer] = []
        self.tracker = Tracker(tracked_by, Random(f"tracker/{seed}")) if tracked_by is not None else None
        trackers = ((self.tracker.url,),) if self.tracker is not None else trackers
        self.metainfo = make_torrent(size, piece_length, trackers, grain)
        self._seed = seed
        self._grain = grain
        self._overlay = overlay
        self._settings = settings or SwarmSettings()

    def add(
        self,
        host: Host,
        *,
        complete: bool = False,
        join_at: float | None = 0.0,
        lies: Lies | None = None,
        settings: SwarmSettings | None = None,
        changed: Callable[[Peer], None] | None = None,
    ) -> Peer:
        """A peer on this host, which joins at that time; it listens from now on. None: it joins when it is told to."""
        number = len(self.peers)
        overlay = None
        if self._overlay is not None:
            overlay = Overlay(self._overlay, [self.peers[0].address] if self.peers else [])
        rng = Random(f"peer/{self._seed}/{number}")
        peer = Peer(host, rng, port=PORT, overlay=overlay, lies=lies, grain=self._grain, changed=changed)
        self.peers.append(peer)
        if join_at is not None:
            join = partial(peer.join, self.metainfo, complete=complete, settings=settings or self._settings)
            self.network.clock.at(max(join_at, self.network.clock.now), host.do, join)
        return peer

    def lacking(self) -> str | None:
        """What pieces no peer that is left has, or has whole and is about to verify; None when there are none such.

        Blocks that several peers have of a piece make no copy of it: none of them passes on a part.
        """
        there = 0
        for peer in self.peers:
            if peer.left or not isinstance(peer.node, Node):
                continue
            picker = peer.node.swarm.downloader.picker
            there |= picker.have
            for piece, begun in picker.partials.items():
                if not begun.missing:
                    there |= 1 << piece
        missing = self.metainfo.piece_count - there.bit_count()
        return f"{missing} of {self.metainfo.piece_count} pieces are nowhere" if missing else None
