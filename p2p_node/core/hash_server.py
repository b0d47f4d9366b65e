"""Serving merkle hashes (BEP 52): piece layers from memory, leaves below them from pieces that are here.

Every request gets one reply. What it may cost is bounded: a peer can have every layer twice a minute, a few leaf hashes
besides, and waits for one reply that needs the storage before it gets the next.
"""

from __future__ import annotations

from functools import partial

from p2p_node.boundary import ConnectionId
from p2p_node.core.allowance import Allowance
from p2p_node.core.connection import Connection
from p2p_node.core.extensions import Sender
from p2p_node.core.hashes import MOST, answer, pieces_to_hash, reject
from p2p_node.core.leaves import LeafHashing, Leaves
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import HashRequest
from p2p_node.wire.metainfo import Metainfo

PERIOD_S = 60.0
"""The time in which allowances are given anew."""

LEAF_REQUESTS = 32
"""Requests for leaf hashes a period. Each may make us read and hash 8 MiB, and is needed only for a wrong piece."""

MAX_REFUSED = 1000
"""A peer that goes on asking after that many rejects is closed."""


class HashServer:
    """Answers the hash requests of one torrent's peers."""

    def __init__(self, metainfo: Metainfo, leaves: LeafHashing, send: Sender) -> None:
        self._metainfo = metainfo
        self._leaves = leaves
        self._send = send
        files = len(metainfo.layout.files) if metainfo.layers is not None else 0
        self._layer_requests = 2 * (metainfo.piece_count // MOST + files + 1)
        self._layers: dict[ConnectionId, Allowance] = {}
        self._below: dict[ConnectionId, Allowance] = {}
        self._reading: set[ConnectionId] = set()

    def requested(self, peer: Connection, request: HashRequest, have: int, now: float) -> None:
        """A peer asks for hashes. Raises ProtocolError when it floods."""
        pieces = pieces_to_hash(self._metainfo, request)
        table, size = (self._below, LEAF_REQUESTS) if pieces else (self._layers, self._layer_requests)
        allowance = table.setdefault(peer.id, Allowance(size, PERIOD_S, now))
        if not allowance.take(now):
            if allowance.refused > MAX_REFUSED:
                raise ProtocolError("floods with hash requests")
            self._send(peer, reject(request), now)
        elif not pieces:
            self._send(peer, answer(self._metainfo, request), now)
        elif peer.id in self._reading or any(not have >> piece & 1 for piece in pieces):
            self._send(peer, reject(request), now)
        else:
            self._reading.add(peer.id)
            self._leaves.order(pieces, partial(self._hashed, peer, request))

    def left(self, peer: Connection) -> None:
        """A peer is gone."""
        self._layers.pop(peer.id, None)
        self._below.pop(peer.id, None)
        self._reading.discard(peer.id)

    def _hashed(self, peer: Connection, request: HashRequest, leaves: Leaves, now: float) -> None:
        if peer.id in self._reading:
            self._reading.remove(peer.id)
            self._send(peer, answer(self._metainfo, request, leaves), now)
