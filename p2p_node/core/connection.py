"""One connection to a peer: what each side said, what is asked for in each direction, and how fast it flows. State
only."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from p2p_node.boundary import ConnectionId
from p2p_node.core.pending import Pending
from p2p_node.core.rates import Rate
from p2p_node.wire.announce import Address
from p2p_node.wire.extension import Extension
from p2p_node.wire.messages import BLOCK, Requests

DEFAULT_REQQ = 250
"""Requests that a peer is trusted to queue which does not say how many: what clients did before they said so."""


class Phase(Enum):
    """Before and after the peer's handshake."""

    HANDSHAKE = auto()
    OPEN = auto()


class Connection:
    """The state of one connection. `pending` is what the peer was asked for, `uploads` what it asks for."""

    __slots__ = (
        "address",
        "am_choking",
        "am_interested",
        "assigned",
        "cancelled",
        "download",
        "extended",
        "fast",
        "have",
        "haves_due",
        "id",
        "last_received",
        "last_sent",
        "latency",
        "listen_address",
        "metadata_size",
        "numbers",
        "opened",
        "outgoing",
        "peer_choking",
        "peer_id",
        "peer_interested",
        "pending",
        "phase",
        "reqq",
        "requested",
        "revealed",
        "turn",
        "upload",
        "upload_only",
        "uploads",
        "uploads_count",
        "working_on",
    )

    def __init__(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        self.id = connection
        self.address = address
        self.outgoing = outgoing
        self.phase = Phase.HANDSHAKE
        self.peer_id = b""
        self.fast = False
        self.opened = self.last_received = self.last_sent = now
        self.have = 0
        self.am_choking = self.peer_choking = True
        self.am_interested = self.peer_interested = False
        self.pending = Pending()
        self.working_on: int | None = None
        self.uploads: deque[Requests] = deque()
        self.uploads_count = 0
        """Blocks in `uploads`."""
        self.turn = BLOCK
        """Bytes handed to its socket at once (see `lanes`)."""
        self.revealed = 0
        """Pieces this peer was told that we have."""
        self.assigned = 0
        """Pieces that only this peer was told about (see `first_copies`)."""
        self.requested = 0
        """Pieces of which this peer asked for a block."""
        self.haves_due = 0
        """Pieces to tell it about, with the next thing sent or when the batch is due."""
        self.latency = float("inf")
        """Shortest time from a request to its block."""
        self.download = Rate(now)
        self.upload = Rate(now)
        self.cancelled: dict[int, int] = {}
        """By piece, blocks asked for and given up: they may still come, and are then wasted, not unsolicited."""
        # What the peer says by the extension protocol (BEP 10)
        self.extended = False
        self.numbers: dict[Extension, int] = {}
        """How this peer wants its extensions' messages numbered."""
        self.listen_address: Address | None = address if outgoing else None
        """Where others can dial this peer; None while it has not said so."""
        self.reqq = DEFAULT_REQQ
        """Requests that this peer queues."""
        self.upload_only = False
        """Whether it wants nothing (BEP 21)."""
        self.metadata_size: int | None = None
        """Bytes of the info dictionary, when it offers that."""

    def give_up(self, piece: int, blocks: int) -> None:
        """These blocks, asked for before, are not expected any more."""
        if blocks:
            self.cancelled[piece] = self.cancelled.get(piece, 0) | blocks

    def settle(self, piece: int, blocks: int) -> bool:
        """These blocks came, were refused, or are asked for anew; returns whether any had been given up."""
        given_up = self.cancelled.get(piece, 0)
        if not given_up & blocks:
            return False
        self.cancelled[piece] = given_up & ~blocks
        return True
