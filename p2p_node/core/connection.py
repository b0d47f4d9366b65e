"""One connection to a peer: what each side said, what is asked for in each direction, and how fast it flows. State
only."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from p2p_node.boundary import ConnectionId
from p2p_node.core.pending import Pending
from p2p_node.core.rates import Rate
from p2p_node.wire.announce import Address
from p2p_node.wire.messages import BLOCK, Requests


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
        "fast",
        "have",
        "haves_due",
        "id",
        "last_received",
        "last_sent",
        "latency",
        "opened",
        "outgoing",
        "peer_choking",
        "peer_id",
        "peer_interested",
        "pending",
        "phase",
        "requested",
        "revealed",
        "turn",
        "upload",
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
