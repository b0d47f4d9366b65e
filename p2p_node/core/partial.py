"""A piece that is being downloaded: which of its blocks are asked for, and which are here."""

from __future__ import annotations

from p2p_node.wire.announce import Address


class Partial:
    """One piece in progress. `open` is the set (see `bits`) of blocks nobody was asked for, `missing` of those not
    received."""

    __slots__ = ("block_count", "missing", "open", "owner", "padding", "piece", "proven", "senders", "workers")

    def __init__(self, piece: int, block_count: int, owner: Address | None = None, padding: int = 0) -> None:
        self.piece = piece
        self.block_count = block_count
        self.padding = padding
        """The blocks that nobody sends, as they are zeros."""
        self.missing = ((1 << block_count) - 1) & ~padding
        self.open = self.missing
        self.owner = owner
        """The only peer that may contribute, on parole; None: everybody may."""
        self.senders: dict[Address, int] = {}
        """Who sent which of the blocks that are here."""
        self.proven = 0
        """Blocks known to be right by their own hashes, whoever sent them."""
        self.workers = 0
        """Connections that are asking for this piece's blocks one after the other."""

    def admits(self, address: Address) -> bool:
        """Whether this peer may be asked for blocks of it."""
        return self.owner is None or self.owner == address

    def take(self, most: int) -> range:
        """Mark the first open blocks that lie side by side, at most `most`, as asked for, and return them."""
        first = (self.open & -self.open).bit_length() - 1
        after = self.open >> first
        count = min((~after & (after + 1)).bit_length() - 1, most)
        self.open ^= (1 << first + count) - (1 << first)
        return range(first, first + count)

    @property
    def untouched(self) -> bool:
        """Whether no block of it is asked for or here."""
        return self.open == ((1 << self.block_count) - 1) & ~self.padding

    @property
    def received(self) -> int:
        """The blocks that are here."""
        return ((1 << self.block_count) - 1) & ~self.padding & ~self.missing

    def give_back(self, blocks: int) -> None:
        """The blocks were asked for in vain; they are open again unless they came meanwhile."""
        self.open |= blocks & self.missing

    def receive(self, blocks: int, source: Address) -> int:
        """This set of blocks came; returns those that are no duplicates."""
        needed = blocks & self.missing
        self.missing ^= needed
        self.open &= ~needed
        if needed:
            self.senders[source] = self.senders.get(source, 0) | needed
        return needed

    def reject(self, source: Address) -> int:
        """Take nothing from this peer: its blocks, but for those proven, are missing and open again. Returns them."""
        blocks = self.senders.get(source, 0) & ~self.proven
        self._take_back(source, blocks)
        return blocks

    def convict(self, wrong: int) -> list[Address]:
        """These blocks are wrong: they are missing and open again, for everybody, and the others proven. Returns who
        sent them."""
        self.proven = self.received & ~wrong
        self.owner = None
        liars = [sender for sender, blocks in self.senders.items() if blocks & wrong]
        for liar in liars:
            self._take_back(liar, self.senders[liar] & wrong)
        return liars

    def _take_back(self, source: Address, blocks: int) -> None:
        self.missing |= blocks
        self.open |= blocks
        left = self.senders.pop(source, 0) & ~blocks
        if left:
            self.senders[source] = left
