"""The intake: takes in the pieces of one torrent, from blocks in memory to verified bytes on the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from p2p_node import boundary
from p2p_node.core.node import Node
from p2p_node.shell.announcing import Feed
from p2p_node.shell.progress import Progress
from p2p_node.shell.storage import Storage
from p2p_node.shell.verifying import Verifier


class Intake:
    """Performs a node's effects on pieces and feeds it what comes of them."""

    def __init__(
        self,
        node: Node,
        storage: Storage,
        threads: Executor,
        feed: Feed,
        progress: Progress,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._node = node
        self._storage = storage
        self._feed = feed
        self._progress = progress
        self._verifier = Verifier(node.metainfo, storage, threads, self._verified, self._leaves_hashed, failed)

    @property
    def performers(self) -> Mapping[type, Callable[[Any], None]]:
        """What performs each kind of effect."""
        return {
            boundary.Store: self._store,
            boundary.Verify: self._verify,
            boundary.Discard: self._discard,
            boundary.HashLeaves: self._hash_leaves,
        }

    async def settle(self) -> None:
        """Return when no thread works on a piece any more."""
        await self._verifier.settle()

    def _store(self, effect: boundary.Store) -> None:
        if effect.blocks:
            self._progress.received()
        self._storage.store(effect.piece, effect.begin, effect.blocks)

    def _verify(self, effect: boundary.Verify) -> None:
        self._verifier.verify(effect.piece)

    def _discard(self, effect: boundary.Discard) -> None:
        self._storage.discard(effect.piece)

    def _hash_leaves(self, effect: boundary.HashLeaves) -> None:
        self._verifier.hash_leaves(effect.pieces)

    def _verified(self, piece: int, right: bool) -> None:
        if right:
            self._storage.discard(piece)
        self._feed(lambda _, now: self._node.piece_verified(piece, right, now))
        if right:
            self._progress.verified()

    def _leaves_hashed(self, leaves: Sequence[bytes]) -> None:
        self._feed(lambda _, now: self._node.leaves_hashed(leaves, now))
