"""What a swarm does with merkle hashes (BEP 52): serves them, seeks those it lacks, and tries pieces that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from p2p_node.boundary import ConnectionId, Effect
from p2p_node.core.connection import Connection
from p2p_node.core.downloader import Downloader
from p2p_node.core.extensions import Sender
from p2p_node.core.hash_seeker import HashSeeker
from p2p_node.core.hash_server import HashServer
from p2p_node.core.leaves import LeafHashing, Leaves
from p2p_node.core.trials import Trials
from p2p_node.wire.messages import Hashes, HashReject, HashRequest
from p2p_node.wire.metainfo import Metainfo


class SwarmHashes:
    """The hash side of one swarm. `reopened` is called when blocks can be asked for that could not be before."""

    def __init__(
        self,
        metainfo: Metainfo,
        downloader: Downloader,
        connections: Mapping[ConnectionId, Connection],
        effects: list[Effect],
        send: Sender,
        reopened: Callable[[float], None],
    ) -> None:
        self._picker = downloader.picker
        self._leaves = LeafHashing(effects)
        self._server = HashServer(metainfo, self._leaves, send)
        self._trials = Trials(metainfo, downloader, self._leaves, reopened)
        self._seeker = HashSeeker(metainfo, self._picker, self._trials, connections, send, reopened)

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        return self._seeker.timer

    def seek(self, now: float) -> None:
        """Ask peers for what is missing; also when some of them may have become able to answer."""
        if self._seeker.wanting:
            self._seeker.ask(now)

    def try_piece(self, piece: int, now: float) -> bool:
        """A piece is wrong; returns whether it is being found out where, so that it is not to be thrown away."""
        if not self._trials.begin(piece):
            return False
        self._seeker.ask(now)
        return True

    def requested(self, peer: Connection, request: HashRequest, now: float) -> None:
        """A peer asks for hashes; raises ProtocolError."""
        self._server.requested(peer, request, self._picker.have, now)

    def received(self, peer: Connection, message: Hashes, now: float) -> None:
        """Hashes came; raises ProtocolError."""
        self._seeker.received(peer, message, now)

    def rejected(self, peer: Connection, message: HashReject, now: float) -> None:
        """A peer will not send hashes."""
        self._seeker.rejected(peer, message, now)

    def hashed(self, leaves: Leaves, now: float) -> None:
        """The outcome of a `HashLeaves`."""
        self._leaves.hashed(leaves, now)

    def left(self, peer: Connection, now: float) -> None:
        """A peer is gone."""
        self._server.left(peer)
        self._seeker.left(peer, now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        self._seeker.tick(now)
