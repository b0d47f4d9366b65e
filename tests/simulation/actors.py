"""Actors: peers of the simulated lab that misbehave as they are told, and remember what a judge wants to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from harness.labs.simulated.clock import Clock
from harness.labs.simulated.disks import Disk
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.overlays import Overlay
from harness.labs.simulated.peers import Peer
from harness.labs.simulated.streams import Stream
from p2p_node.boundary import Close
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.address import Address
from p2p_node.wire.messages import BLOCK, Requests, Unchoke
from p2p_node.wire.metainfo import Metainfo
from tests.simulation.plans import Member, Role


class WatchedDisk(Disk):
    """Knows which pieces are really right, and which blocks of the others it holds."""

    def __init__(self, clock: Clock, verified: Callable[[int, bool], None], failed: Callable[[str], None]) -> None:
        super().__init__(clock, self._hashed, failed)
        self.right = 0
        """The pieces that were hashed and found right (see `core.bits`)."""
        self.held: dict[int, int] = {}
        """By piece in progress, the blocks that were stored."""
        self.protests: list[str] = []
        self._tell = verified

    def store(self, piece: int, begin: int, blocks: Sequence[bytes | memoryview]) -> None:
        """Keep these blocks, side by side."""
        super().store(piece, begin, blocks)
        end = begin + sum(map(len, blocks))
        self.held[piece] = self.held.get(piece, 0) | (1 << -(-end // BLOCK)) - (1 << begin // BLOCK)

    def discard(self, piece: int) -> None:
        """Forget what was stored of this piece."""
        super().discard(piece)
        self.held.pop(piece, None)

    def verify(self, piece: int, size: int) -> None:
        """Hash the piece, and write it if it is right."""
        blocks = -(-size // BLOCK)
        if self.held.get(piece, 0).bit_count() != blocks:
            self.protests.append(f"is to verify piece {piece}, which has holes")
        super().verify(piece, size)

    def _hashed(self, piece: int, is_right: bool) -> None:
        if is_right:
            self.right |= 1 << piece
        self._tell(piece, is_right)


class Actor(Peer):
    """A member of a swarm between two crashes. `note` takes lines for the trace, `name_of` knows hosts by address."""

    def __init__(
        self,
        member: Member,
        host: Host,
        rng: Random,
        overlay: Overlay | None,
        note: Callable[[str], None],
        name_of: Callable[[str], str],
    ) -> None:
        self.name = name_of(host.address)
        self.member = member
        self.nodes: list[Node] = []
        self.met: set[Address] = set()
        """Addresses of the other ends of its connections."""
        self.heard: Counter[str] = Counter()
        """By host, bytes that came from there."""
        self._note = note
        self._name_of = name_of
        self._noted_complete = False
        super().__init__(host, rng, overlay=overlay, lies=self._lie, changed=self._changed_by_itself)
        self.disk: WatchedDisk = WatchedDisk(host.network.clock, self._verified, self._fail)

    @property
    def honest(self) -> bool:
        """Whether it does what it should."""
        return self.member.role is Role.HONEST

    @property
    def have(self) -> int:
        """The pieces that it takes to be right."""
        return self.node.swarm.have if isinstance(self.node, Node) else 0

    def enter(self, metainfo: Metainfo, have: int, settings: SwarmSettings | None = None) -> None:
        """Enter the swarm; whoever calls answers for the pieces in `have`."""
        self.disk.right |= have
        super().enter(metainfo, have, settings or self.member.settings)
        assert isinstance(self.node, Node)
        self.nodes.append(self.node)
        self._note(f"{self.name} joins with {have.bit_count()} pieces")

    def received(self, stream: Stream, payload: Any, size: int) -> None:
        """A peer said something."""
        self.met.add(stream.address)
        self.heard[stream.address[0]] += size
        super().received(stream, payload, size)

    def _write(self, number: int, messages: list[Any]) -> None:
        if self.member.role is Role.CHOKER:
            messages = [message for message in messages if not isinstance(message, Unchoke)]
        if messages:
            super()._write(number, messages)

    def _serve(self) -> None:
        if self.member.role is not Role.SILENT:
            super()._serve()

    def _close(self, close: Close) -> None:
        stream = self._streams.get(close.connection)
        if stream is not None:
            self._note(f"{self.name} closes {self._name_of(stream.address[0])}: {close.reason}")
        super()._close(close)

    def _lie(self, _asked: Requests) -> bool:
        return bool(self.member.lies) and self._rng.random() < self.member.lies

    def _changed_by_itself(self, _peer: Peer) -> None:
        if self.failed is not None and not self.left:
            self._note(f"{self.name} gives up: {self.failed}")
            self._clock.soon(self.host.do, self.leave)
        elif self.complete and not self._noted_complete:
            self._noted_complete = True
            self._note(f"{self.name} is complete")
