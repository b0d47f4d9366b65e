"""Admission: how we introduce ourselves, whom we let in, and whom we do not keep waiting for.

A hybrid torrent has two names (BEP 52). A peer may use either, and who dials under the old one is answered with the new
one if it says that it understands.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2p_node.boundary import ConnectionId
from p2p_node.core.connection import Connection, Phase
from p2p_node.core.trust import Trust
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.metainfo import Metainfo

HANDSHAKE_S = 20.0
"""A connection that has not said who it is by then is closed. With 10 s two busy cores closed half of what a thousand
peers had dialled, and dialled again, just before they got to read the answers (ADR 0084)."""

SILENCE_S = 120.0
"""A connection that says nothing for this long is dead; peers send something every minute or two."""


class Admission:
    """The door of one torrent's swarm."""

    def __init__(
        self, metainfo: Metainfo, peer_id: bytes, trust: Trust, connections: Mapping[ConnectionId, Connection]
    ) -> None:
        self._metainfo = metainfo
        self._peer_id = peer_id
        self._trust = trust
        self._connections = connections

    def introduction(self, theirs: Handshake | None = None) -> Handshake:
        """What we say to a peer that we dialled, or that spoke first."""
        info_hash = self._metainfo.info_hash if theirs is None else theirs.info_hash
        if theirs is not None and theirs.v2 and self._metainfo.info_hash_v2 is not None:
            info_hash = self._metainfo.info_hashes[-1]
        return Handshake(info_hash, self._peer_id, v2=self._metainfo.info_hash_v2 is not None)

    def knows_v2(self, info_hash: bytes) -> bool:
        """Whether a connection under this name is one of version 2, on which hashes may be asked for."""
        return self._metainfo.info_hash_v2 is not None and info_hash == self._metainfo.info_hashes[-1]

    def unwanted(self, peer: Connection, theirs: Handshake) -> tuple[Connection, str] | None:
        """Which connection to close now that this peer has shaken hands, and why: this one, or another to the same."""
        if theirs.info_hash not in self._metainfo.info_hashes:
            return peer, "asks for another torrent"
        if theirs.peer_id == self._peer_id:
            return peer, "is this node itself"
        if self._trust.is_banned(peer.address):
            return peer, "sent wrong pieces before"
        twin = next((other for other in self._connections.values() if other.peer_id == theirs.peer_id), None)
        if twin is None:
            return None
        # Two peers that dial each other at once must agree on which connection stays: that of the greater id.
        if peer.outgoing != twin.outgoing and peer.outgoing == (self._peer_id > theirs.peer_id):
            return twin, "is connected twice"
        return peer, "is connected already"


def overdue(peer: Connection, now: float) -> str | None:
    """Why this peer has been waited for long enough; None while it has not."""
    if peer.phase is Phase.HANDSHAKE and now - peer.opened > HANDSHAKE_S:
        return "no handshake"
    if now - peer.last_received > SILENCE_S:
        return "silent for too long"
    return None
