"""What to ask a peer for next: rarest piece first, from the first piece on.

Order of preference: the piece this peer is already working on; a piece that others left unfinished; the rarest new
piece; any open block of a piece others work on. When nothing is open any more, the end game asks a second peer (see
`downloader`). A peer on parole works on pieces of its own, and so does who repeats a piece that failed.
"""

from __future__ import annotations

from random import Random

from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.partial import Partial
from p2p_node.core.rarity import Rarity
from p2p_node.core.trust import Trust
from p2p_node.wire.announce import Address
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo


class Picker:
    """Knows which pieces are here, under way and wanted."""

    def __init__(self, metainfo: Metainfo, have: int, rng: Random) -> None:
        self._metainfo = metainfo
        self._rng = rng
        # Nearly all pieces are alike, and their blocks are counted a dozen times each.
        alike = not metainfo.piece_length % BLOCK and (metainfo.v1 or metainfo.layers is None)
        self._even = metainfo.piece_count - 1 if alike else 0
        """Pieces from the first on that consist of `_blocks` whole blocks."""
        self._blocks = metainfo.piece_length // BLOCK
        self.rarity = Rarity(metainfo.piece_count)
        self.trust = Trust()
        self.have = have
        self.missing = ((1 << metainfo.piece_count) - 1) & ~have
        """Pieces not verified."""
        self.left = metainfo.size(self.missing)
        """Bytes not verified."""
        self._padded = metainfo.layout.padded
        self.hollow = self._hollow() & self.missing
        """Missing pieces that are all padding: nobody sends them."""
        self._unverifiable = metainfo.unverifiable & self.missing
        """Missing pieces whose hashes are not known yet: what cannot be verified is not asked for."""
        self._fresh = self.missing & ~self.hollow & ~self._unverifiable
        """Missing pieces of which no block was asked for, and some may be."""
        self.partials: dict[int, Partial] = {}
        self._open = 0
        """Partials with blocks that nobody was asked for."""
        self._failed = 0
        """Pieces that several peers contributed to and that were wrong: one peer alone is to repeat each."""

    def wants_from(self, have: int) -> bool:
        """Whether a peer with these pieces has one that is missing here."""
        return bool(have & self.missing)

    def pick(self, connection: Connection, most: int) -> tuple[int, range] | None:
        """The next piece and its blocks to ask this peer for, at most `most` side by side, now marked as asked; None
        when nothing is open there."""
        partial = self._partial_for(connection)
        if partial is None:
            return None
        if connection.working_on is not partial:
            self.leave(connection)
            connection.working_on = partial
            partial.workers += 1
        blocks = partial.take(most)
        if not partial.open:
            self._open &= ~(1 << partial.piece)
            self.leave(connection)
        return partial.piece, blocks

    def verifiable(self, unverifiable: int) -> None:
        """Hashes of more pieces are known now, of all but this set."""
        self._fresh |= self._unverifiable & ~unverifiable
        self._unverifiable &= unverifiable

    @property
    def fresh(self) -> int:
        """The missing pieces of which no block was asked for."""
        return self._fresh

    def unfinished(self, source: Address) -> int:
        """The pieces in progress with blocks that nobody was asked for and this source may be."""
        return self._open_to(source, self._open)

    def claim(self, piece: int, source: Address) -> tuple[int, int]:
        """Mark the first run of open blocks of a fresh or unfinished piece as asked for; returns its first block and
        the one after its last."""
        partial = self.partials.get(piece) or self._begin(piece, source)
        blocks = partial.take(partial.block_count)
        if not partial.open:
            self._open &= ~(1 << piece)
        return blocks.start, blocks.stop

    def unclaim(self, piece: int, block: int) -> None:
        """A claimed block was not sent; a piece of which nothing is asked or here any more is fresh again."""
        self.give_back(piece, 1 << block)
        partial = self.partials.get(piece)
        if partial is not None and partial.untouched and not partial.workers:
            del self.partials[piece]
            self._open &= ~(1 << piece)
            self._fresh |= 1 << piece

    @property
    def end_game(self) -> bool:
        """Whether every missing block has been asked for."""
        return not self._fresh and not self._open and not self._unverifiable

    def leave(self, connection: Connection) -> None:
        """The peer stops working on its piece; what it was asked for stays asked."""
        if connection.working_on is not None:
            connection.working_on.workers -= 1
            connection.working_on = None

    def give_back(self, piece: int, blocks: int) -> None:
        """This set of a piece's blocks was asked for in vain."""
        partial = self.partials.get(piece)
        if partial is None:
            return
        partial.give_back(blocks)
        if partial.open:
            self._open |= 1 << piece

    def receive(self, piece: int, blocks: int, source: Address) -> int:
        """This set of a piece's blocks came; returns those that were needed."""
        partial = self.partials.get(piece)
        if partial is None or not partial.admits(source):
            return 0
        needed = partial.receive(blocks, source)
        if not partial.open:
            self._open &= ~(1 << piece)
        return needed

    def verified(self, piece: int) -> None:
        """The piece is here, and right."""
        self.trust.verified(set(self.partials.pop(piece).senders))
        self.have |= 1 << piece
        self.missing &= ~(1 << piece)
        self.left -= self._metainfo.piece_size(piece)
        self._failed &= ~(1 << piece)

    def failed(self, piece: int) -> Address | None:
        """The piece was wrong, and is wanted from the start; returns who is to blame, if that is known."""
        senders = set(self.partials.pop(piece).senders)
        if not senders:  # all padding: nobody can send another
            return None
        self._fresh |= 1 << piece
        liar = self.trust.failed(senders)
        if liar is None:
            self._failed |= 1 << piece
        return liar

    def convict(self, piece: int, wrong: int) -> list[Address]:
        """These blocks of the piece are wrong, and wanted again; returns who sent them, now banned."""
        liars = self.partials[piece].convict(wrong)
        self._open |= 1 << piece
        for liar in liars:
            self.trust.ban(liar)
        return liars

    def begin_hollow(self) -> int:
        """Take a piece that is all padding, to be verified as it is."""
        piece = bits.first(self.hollow, 0)
        self.hollow &= ~(1 << piece)
        self.partials[piece] = Partial(piece, self.block_count(piece), None, self.padding(piece))
        return piece

    def reject(self, source: Address) -> list[tuple[int, int]]:
        """Take nothing from this peer into the pieces in progress; returns them and its blocks, open again."""
        rejected = []
        for piece, partial in self.partials.items():
            if partial.missing and (blocks := partial.reject(source)):
                rejected.append((piece, blocks))
                self._open |= 1 << piece
        return rejected

    def abandon(self, source: Address) -> list[Partial]:
        """The peer is gone or silent: pieces it was to send alone start anew, for all. Returns them as they were."""
        abandoned = [partial for partial in self.partials.values() if partial.owner == source and partial.missing]
        for partial in abandoned:
            del self.partials[partial.piece]
            self._open &= ~(1 << partial.piece)
            self._fresh |= 1 << partial.piece
        return abandoned

    def piece_size(self, piece: int) -> int:
        """Bytes in this piece."""
        return self._metainfo.piece_size(piece)

    def size(self, piece: int, blocks: int) -> int:
        """Bytes in this set of the piece's blocks."""
        if piece < self._even:
            return blocks.bit_count() * BLOCK
        last = self.block_count(piece) - 1
        short = BLOCK - self.block_size(piece, last) if blocks >> last & 1 else 0
        return blocks.bit_count() * BLOCK - short

    def covered(self, piece: int, begin: int, size: int) -> int:
        """The blocks that these bytes of the piece are part of; none when they reach beyond its end."""
        first, last = begin // BLOCK, (begin + size - 1) // BLOCK
        return (2 << last) - (1 << first) if last < self.block_count(piece) else 0

    def padding(self, piece: int) -> int:
        """The blocks of this piece that are all padding."""
        return self._metainfo.padding(piece) if self._padded else 0

    def block_count(self, piece: int) -> int:
        """Blocks in this piece."""
        if piece < self._even:
            return self._blocks
        return -(-self._metainfo.piece_size(piece) // BLOCK)

    def block_size(self, piece: int, block: int) -> int:
        """Bytes in this block."""
        if piece < self._even:
            return BLOCK
        return min(BLOCK, self._metainfo.piece_size(piece) - block * BLOCK)

    def _partial_for(self, connection: Connection) -> Partial | None:
        begun = connection.working_on
        if begun is not None and self._goes_on(connection, begun):
            return begun
        open_here = self._open_to(connection.address, self._open & connection.available)
        for piece in bits.members(open_here):
            if not self.partials[piece].workers:
                return self.partials[piece]
        if fresh := self._fresh & connection.available:
            return self._begin(self.rarity.rarest(fresh, self._rng, connection.suggested), connection.address)
        if open_here:
            return self.partials[bits.first(open_here, self._rng.randrange(self._metainfo.piece_count))]
        return None

    def _goes_on(self, connection: Connection, begun: Partial) -> bool:
        # The piece may have failed since, and been begun anew by another alone.
        is_current = self.partials.get(begun.piece) is begun
        open_here = self._open & connection.available & 1 << begun.piece
        return is_current and bool(self._open_to(connection.address, open_here))

    def _open_to(self, source: Address, open_here: int) -> int:
        alone = self.trust.on_parole(source)
        for piece in bits.members(open_here):
            partial = self.partials[piece]
            if not partial.admits(source) or (alone and partial.owner is None):
                open_here ^= 1 << piece
        return open_here

    def _begin(self, piece: int, beginner: Address) -> Partial:
        alone = self.trust.on_parole(beginner) or self._failed >> piece & 1
        partial = Partial(piece, self.block_count(piece), beginner if alone else None, self.padding(piece))
        self.partials[piece] = partial
        self._fresh &= ~(1 << piece)
        self._open |= 1 << piece
        return partial

    def _hollow(self) -> int:
        if not self._padded or not self._metainfo.v1:
            return 0  # in v2 alone no piece begins with padding
        layout, length = self._metainfo.layout, self._metainfo.piece_length
        hollow = 0
        for start, end in layout.padding(0, layout.end):
            first, past = -(-start // length), self._metainfo.piece_count if end == layout.end else end // length
            hollow |= max((1 << past) - (1 << first), 0)
        return hollow
