"""Trials: which blocks of a wrong piece are wrong, so that only these are fetched again and only their senders blamed.

Another peer tells the hashes that the blocks must have, proved by the piece's own (BEP 52); the storage tells those
that they do have. Where nobody can tell, the whole piece is given up, as in version 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from p2p_node.core.connection import Connection
from p2p_node.core.downloader import Downloader
from p2p_node.core.hashes import leaf_request, proven_leaves
from p2p_node.core.leaves import LeafHashing, Leaves
from p2p_node.wire.messages import Hashes, HashRequest
from p2p_node.wire.metainfo import Metainfo

MAX_ATTEMPTS = 3
"""Peers that are asked in vain about a piece before it is given up."""


@dataclass(slots=True)
class _Trial:
    piece: int
    request: HashRequest
    attempts: int = 0
    asked: bool = False
    right: Sequence[bytes] | None = None
    """The hashes that the blocks must have."""
    actual: Leaves | None = None
    """The hashes that they have."""


class Trials:
    """The wrong pieces of one torrent that are kept until it is known what is wrong with them. `reopened` is called
    when blocks of one can be asked for again."""

    def __init__(
        self,
        metainfo: Metainfo,
        downloader: Downloader,
        leaves: LeafHashing,
        reopened: Callable[[float], None],
    ) -> None:
        self._metainfo = metainfo
        self._downloader = downloader
        self._leaves = leaves
        self._reopened = reopened
        self._trials: dict[HashRequest, _Trial] = {}

    @property
    def wanting(self) -> bool:
        """Whether some peer is to be asked."""
        return any(not trial.asked for trial in self._trials.values())

    def begin(self, piece: int) -> bool:
        """A piece is wrong; returns whether it can be tried. If not, or when the trial fails, it is given up whole."""
        known = self._metainfo.layers is not None and self._metainfo.layers.knows(piece)
        request = leaf_request(self._metainfo, piece) if known else None
        if request is None:
            return False
        self._downloader.hash_failures += 1
        trial = self._trials[request] = _Trial(piece, request)
        self._leaves.order(range(piece, piece + 1), partial(self._hashed, trial))
        return True

    def next_request(self, peer: Connection) -> HashRequest | None:
        """What to ask this peer; the caller sees to it that it ends in `received` or `failed`."""
        for trial in self._trials.values():
            if not trial.asked and peer.have >> trial.piece & 1:
                trial.asked = True
                return trial.request
        return None

    def owns(self, request: HashRequest) -> bool:
        """Whether this request is one of a trial."""
        return request in self._trials

    def failed(self, request: HashRequest, now: float) -> None:
        """It was rejected, or the peer is gone or too slow."""
        trial = self._trials.get(request)
        if trial is None:
            return
        trial.asked = False
        trial.attempts += 1
        if trial.attempts == MAX_ATTEMPTS:
            self._give_up(trial, now)

    def received(self, request: HashRequest, message: Hashes, now: float) -> None:
        """The answer to a request came. Raises ProtocolError when it is wrong: the request has then failed."""
        trial = self._trials.get(request)
        if trial is not None:
            trial.right = proven_leaves(self._metainfo, trial.piece, message)
            self._judge(trial, now)

    def give_up_beyond(self, askable: int, now: float) -> None:
        """Give up the pieces about which nobody is asked, and nobody can be: those that are not in this set."""
        for trial in list(self._trials.values()):
            if not trial.asked and not askable >> trial.piece & 1:
                self._give_up(trial, now)

    def _hashed(self, trial: _Trial, leaves: Leaves, now: float) -> None:
        if self._trials.get(trial.request) is not trial:
            return
        trial.actual = leaves
        if leaves:
            self._judge(trial, now)
        else:
            self._give_up(trial, now)

    def _judge(self, trial: _Trial, now: float) -> None:
        if trial.right is None or trial.actual is None:
            return
        pairs = zip(trial.right, trial.actual, strict=False)
        wrong = sum(1 << block for block, (right, actual) in enumerate(pairs) if right != actual)
        if not wrong:  # a hybrid whose hashes contradict each other
            self._give_up(trial, now)
            return
        del self._trials[trial.request]
        self._downloader.convict(trial.piece, wrong)
        self._reopened(now)

    def _give_up(self, trial: _Trial, now: float) -> None:
        del self._trials[trial.request]
        self._downloader.condemn(trial.piece)
        self._reopened(now)
