"""A piece that is being downloaded: which of its blocks are asked for, and which are here."""

from __future__ import annotations

from p2p_node.wire.announce import Address


class Partial:
    """One piece in progress. `open` is the set of blocks nobody was asked for, `missing` those not received."""

    __slots__ = ("block_count", "missing", "open", "owner", "piece", "senders", "workers")

    def __init__(self, piece: int, block_count: int, owner: Address | None = None) -> None:
        self.piece = piece
        self.block_count = block_count
        self.missing = (1 << block_count) - 1
        self.open = self.missing
        self.owner = owner
        """The only peer that may contribute, on parole; None: everybody may."""
        self.senders: dict[int, Address] = {}
        """Who sent each block that is here."""
        self.workers = 0
        """Connections that are asking for this piece's blocks one after the other."""

    def admits(self, address: Address) -> bool:
        """Whether this peer may be asked for blocks of it."""
        return self.owner is None or self.owner == address

    def take(self) -> int:
        """Mark the first open block as asked for, and return it."""
        bit = self.open & -self.open
        self.open ^= bit
        return bit.bit_length() - 1

    def give_back(self, block: int) -> None:
        """The block was asked for in vain; it is open again unless it came meanwhile."""
        self.open |= (1 << block) & self.missing

    def receive(self, block: int, source: Address) -> bool:
        """The block came; returns False for a duplicate."""
        bit = 1 << block
        if not self.missing & bit:
            return False
        self.missing ^= bit
        self.open &= ~bit
        self.senders[block] = source
        return True

    def reject(self, source: Address) -> list[int]:
        """Take nothing from this peer: its blocks are missing and open again. Returns them."""
        blocks = [block for block, sender in self.senders.items() if sender == source]
        for block in blocks:
            del self.senders[block]
            self.missing |= 1 << block
            self.open |= 1 << block
        return blocks
