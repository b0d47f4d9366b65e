"""One connection to a peer: what each side said, what is asked for in each direction, and how fast it flows. State
only."""

from __future__ import annotations

import math
from collections import Counter, deque
from enum import Enum, auto

from p2p_node.boundary import ConnectionId
from p2p_node.core import bits
from p2p_node.core.allowance import Allowance
from p2p_node.core.partial import Partial
from p2p_node.core.pending import Pending
from p2p_node.core.rates import WINDOW_S, Rate
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import Extension
from p2p_node.wire.messages import BLOCK, Requests

DEFAULT_REQQ = 250
"""Requests that a peer is trusted to queue which does not say how many: what clients did before they said so."""

CHANGES, CHANGES_S = 2000, 10.0
"""Chokes, unchokes, and changes of interest that a peer may send at once, and again in so many seconds. libtorrent's
super-seeding takes a hundred a second; each makes us think about whom to serve."""


class Phase(Enum):
    """Before and after the peer's handshake."""

    HANDSHAKE = auto()
    OPEN = auto()


class Connection:
    """The state of one connection. `pending` is what the peer was asked for, `uploads` what it asks for."""

    __slots__ = (
        "address",
        "allowed_fast",
        "am_choking",
        "am_interested",
        "assigned",
        "changes",
        "depth",
        "download",
        "extended",
        "fast",
        "fast_budget",
        "given_up",
        "granted",
        "had",
        "have",
        "id",
        "last_block",
        "last_received",
        "last_sent",
        "latency",
        "listen_address",
        "metadata_size",
        "numbers",
        "opened",
        "outgoing",
        "pause",
        "peer_choking",
        "peer_id",
        "peer_interested",
        "pending",
        "phase",
        "refused",
        "reqq",
        "requested",
        "revealed",
        "run",
        "snubs",
        "spacing",
        "spoken",
        "suggested",
        "turn",
        "upload",
        "upload_only",
        "uploads",
        "uploads_count",
        "v2",
        "working_on",
    )

    def __init__(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        self.id = connection
        self.address = address
        self.outgoing = outgoing
        self.phase = Phase.HANDSHAKE
        self.peer_id = b""
        self.fast = False
        self.v2 = False
        """Whether it may be asked for merkle hashes (BEP 52)."""
        self.opened = self.last_received = self.last_sent = now
        self.spoken = False
        """Whether it has said something that must follow what it has (BEP 3, BEP 6)."""
        self.have = 0
        self.had = 0
        """How many pieces it had when it came."""
        self.am_choking = self.peer_choking = True
        self.am_interested = self.peer_interested = False
        self.changes = Allowance(CHANGES, CHANGES_S, now)
        self.pending = Pending()
        self.depth = 0
        """Blocks that its queue was last found to have to hold."""
        self.working_on: Partial | None = None
        self.uploads: deque[Requests] = deque()
        self.uploads_count = 0
        """Blocks in `uploads`."""
        self.turn = BLOCK
        """Bytes handed to its socket at once (see `lanes`)."""
        self.revealed = 0
        """Pieces this peer was told that we have, or need not be told, as it has them."""
        self.assigned = 0
        """Pieces that only this peer was told about (see `first_copies`)."""
        self.pause = 0.0
        """Longest time in seconds for which it left us idle although it knew of something to ask for."""
        self.requested = 0
        """Pieces of which this peer asked for a block."""
        self.latency = float("inf")
        """Shortest time from a request to its block."""
        self.download = Rate(now)
        self.upload = Rate(now)
        self.last_block = now
        """When a block came last."""
        self.spacing = 0.0
        """Seconds between the last two blocks, as far as this peer was asked for the second meanwhile."""
        self.snubs = False
        """Whether it sent none for long although it was asked for some."""
        self.given_up: Counter[tuple[int, int]] = Counter()
        """How often a piece's block was asked for and is not expected any more: it may still come, and is then wasted,
        not unsolicited."""
        self.suggested = 0
        """Pieces that this peer would like to be asked for (BEP 6)."""
        self.allowed_fast = 0
        """Pieces that this peer may be asked for while it chokes us (BEP 6)."""
        self.refused = 0
        """Pieces of which it rejected a block though it does not choke us; not asked for again for a while."""
        self.granted = 0
        """Pieces that this peer may ask for while we choke it, and the bytes it may still get in that way."""
        self.fast_budget = 0

        # What the peer says by the extension protocol (BEP 10)
        self.extended = False
        self.numbers: dict[Extension, int] = {}
        """How this peer wants its extensions' messages numbered."""
        self.listen_address: Address | None = address if outgoing else None
        """Where others can dial this peer; None while it has not said so."""
        self.reqq = DEFAULT_REQQ
        """Requests that this peer queues."""
        self.run = BLOCK
        """Longest run of blocks in bytes that it sends and takes in one message; a block, unless it says more."""
        self.upload_only = False
        """Whether it wants nothing (BEP 21)."""
        self.metadata_size: int | None = None
        """Bytes of the info dictionary, when it offers that."""

    @property
    def available(self) -> int:
        """The pieces that this peer can be asked for now."""
        if self.peer_choking:
            return self.have & self.allowed_fast
        return self.have & ~self.refused if self.refused else self.have

    def waited_s(self, now: float) -> float:
        """Seconds since this peer was to send its next block; 0 while it was asked for none."""
        return now - max(self.last_block, self.pending.oldest) if self.pending else 0.0

    def block_s(self, now: float) -> float:
        """Seconds in which this peer sends a block; infinite while nothing is known of it."""
        if self.spacing >= WINDOW_S:
            return self.spacing
        rate = self.download.per_second(now)
        return BLOCK / rate if rate else self.spacing or math.inf

    def changed_its_mind(self, now: float) -> None:
        """It chokes, unchokes, or changes its interest; raises ProtocolError when it does nothing else."""
        if not self.changes.take(now):
            raise ProtocolError("changes its mind too often")

    def give_up(self, piece: int, blocks: int) -> None:
        """These blocks, asked for before, are not expected any more."""
        for block in bits.members(blocks):
            self.given_up[piece, block] += 1

    def settle(self, piece: int, blocks: int) -> int:
        """These blocks came, or were refused; returns those that had been given up."""
        settled = 0
        for block in bits.members(blocks):
            if times := self.given_up.pop((piece, block), 0):
                settled |= 1 << block
                if times > 1:
                    self.given_up[piece, block] = times - 1
        return settled
