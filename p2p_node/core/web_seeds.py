"""The web seeds of a torrent (BEP 19): what to ask each for, in parallel with the peers, and what to make of answers.

A web seed fills the largest gap – run of pieces that nobody was asked for –, from its beginning, while peers' pieces
fall at random; only the first range begins anywhere. In a crowd all see the same gaps, and would all draw the same
pieces: there every range begins anywhere, and is a small share of what is left, for what peers draw from the server at
one time they cannot draw from each other. A peer that has nothing to do takes over what a slow range has not reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from p2p_node.boundary import CancelRange, ConnectionId, Effect, FetchRange
from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.downloader import Downloader
from p2p_node.core.web_seed import Range, WebSeed, file_url, usable
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo

MAX_SEEDS = 100
"""Servers used of a torrent; a longer list can only be abuse."""

MAX_RANGES = 4
"""Ranges under way in all."""

RANGES_PER_SEED = 2
"""Ranges under way from one server: the second hides the round trip between one and the next. In a crowd one is enough,
as the server is busy with the others meanwhile."""

STALLED_S = 20.0
"""A range of which nothing came for this long is given up."""

HURRY_S = 2.0
"""What one source makes us wait for longer than this is asked of another that has nothing else to do."""

SHARES = 16
"""With peers, a range is at most this part of one peer's part of what is left. Eight peers on one fake server drew 1.4
copies from it with 16, 1.7 with 8 and 5.8 without a limit."""


class WebSeeds:
    """The servers that have a torrent's content. Appends to the effects list that it shares with its swarm."""

    def __init__(
        self,
        metainfo: Metainfo,
        downloader: Downloader,
        connections: Mapping[ConnectionId, Connection],
        effects: list[Effect],
        rng: Random,
        now: float,
    ) -> None:
        self._metainfo = metainfo
        self._downloader = downloader
        self._picker = downloader.picker
        self._connections = connections
        self._effects = effects
        self._rng = rng
        self._seeds = [WebSeed(url, now) for url in metainfo.web_seeds[:MAX_SEEDS] if usable(url)]
        rng.shuffle(self._seeds)
        self._ranges: dict[int, Range] = {}
        self._last_number = 0
        self._whole = (1 << metainfo.piece_count) - 1
        self._addresses = frozenset(seed.address for seed in self._seeds)
        self._look_again_at: float | None = None

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called; None when no time matters."""
        if not self._seeds or not self._picker.missing:
            return None
        return self._look_again_at

    @property
    def delivered(self) -> int:
        """Verified bytes that came from web seeds."""
        return sum(count for source, count in self._downloader.served.items() if source in self._addresses)

    # Inputs

    def received(self, number: int, data: bytes, now: float) -> None:
        """Bytes of a range came, in order."""
        run = self._ranges.get(number)
        if run is None:
            self._downloader.wasted += len(data)
            return
        run.touched = now
        run.seed.rate.add(len(data), now)
        wanted = memoryview(data)[: run.end - run.at - len(run.rest)]
        self._downloader.wasted += len(data) - len(wanted)
        self._take(run, wanted)
        if run.at + len(run.rest) == run.asked < run.end:
            self._ask_on(run)
        if run.at >= run.end:
            if run.end < run.asked:
                self._effects.append(CancelRange(number))
            run.seed.succeeded()
            self._end(run)

    def failed(self, number: int, wish: float | None, for_good: bool, now: float) -> None:
        """A range will not come, or not all of it; `wish` is the pause in seconds that the server asked for."""
        run = self._ranges.get(number)
        if run is None:
            return
        self._end(run)
        self._downloader.abandon(run.seed.address)
        run.seed.failed(wish, self._rng, now)
        if for_good:
            self._retire(run.seed)

    def verified(self, right: bool) -> None:
        """A piece was hashed. Who sent all of a wrong one is discarded."""
        if not right:
            for seed in list(self._seeds):
                if self._picker.trust.is_banned(seed.address):
                    self._retire(seed)

    def tick(self, now: float) -> None:
        """The timer came due, or some time went by."""
        self._look_again_at = None
        for run in list(self._ranges.values()):
            if now - run.touched > STALLED_S:
                self._effects.append(CancelRange(run.number))
                self.failed(run.number, None, False, now)
        self.fill(now)

    def fill(self, now: float) -> None:
        """Ask for as much as should be under way."""
        if not self._seeds or not self._picker.missing:
            return
        for seed in self._seeds:
            while self._has_room(seed, now) and self._begin(seed, now):
                pass
        waiting = [seed.ready_at for seed in self._seeds if seed.ready_at > now]
        if self._picker.end_game and len(waiting) < len(self._seeds):
            waiting.append(now + HURRY_S)
        if self._look_again_at is None or self._look_again_at <= now:
            self._look_again_at = min(waiting, default=None)

    def yield_to(self, peer: Connection, now: float) -> bool:
        """Give up a part of a range for an idle peer that can send it sooner; returns whether there was one."""
        if not self._ranges or peer.pending or not peer.am_interested:
            return False
        run = max(self._ranges.values(), key=lambda run: run.seed.wait(run.end - run.at, now))
        if run.seed.wait(run.end - run.at, now) < HURRY_S:
            return False
        keep_until = self._takeover(run, peer.available)
        if keep_until is None:
            return False
        for piece, block in self._blocks(keep_until, run.end):
            self._downloader.unclaim(piece, block)
        run.end = keep_until
        if run.at == run.end:
            self._effects.append(CancelRange(run.number))
            self._end(run)
        return True

    # What to ask for

    def _has_room(self, seed: WebSeed, now: float) -> bool:
        return (
            seed.ready_at <= now
            and seed.under_way < (RANGES_PER_SEED if seed.proven and not self._in_a_crowd else 1)
            and len(self._ranges) < MAX_RANGES
            and not self._downloader.backlogged
        )

    def _begin(self, seed: WebSeed, now: float) -> bool:
        if fresh := self._picker.fresh:
            # What some peer has it can give; first comes what only this server can.
            start, end = self._claim_gap(fresh & self._picker.rarity.absent or fresh, seed, now)
        elif unfinished := self._picker.unfinished(seed.address):
            piece = bits.first(unfinished, 0)
            start, end = self._span(piece, *self._picker.claim(piece, seed.address))
        elif (owed := self._owed_longest(seed, now)) is not None:
            start, end = owed
        else:
            return False
        seed.under_way += 1
        self._last_number += 1
        run = self._ranges[self._last_number] = Range(self._last_number, seed, start, end, now)
        self._ask_on(run)
        if run.at >= run.end:  # nothing but padding
            self._end(run)
        return True

    def _ask_on(self, run: Range) -> None:
        # A range goes on from file to file; what lies in none is zeros.
        layout = self._metainfo.layout
        for index, offset, length in layout.spans(run.asked, run.end - run.asked):
            run.asked += length
            if index is not None:
                file = layout.files[index]
                url = file_url(run.seed.url, self._metainfo, file.path)
                self._effects.append(FetchRange(run.number, url, offset, offset + length, file.length))
                return
            self._take(run, memoryview(bytes(length)))

    def _claim_gap(self, fresh: int, seed: WebSeed, now: float) -> tuple[int, int]:
        first, length = bits.longest_run(fresh)
        peers = len(self._connections)
        share = self._picker.fresh.bit_count() // (SHARES * (1 + peers) if peers else 2)
        count = max(min(seed.range_size(now) // self._metainfo.piece_length, share, length), 1)
        if not seed.rate.total:
            first += self._rng.randint(0, length - count)
        elif self._in_a_crowd:
            first = bits.first(fresh, self._rng.randrange(self._metainfo.piece_count))
            count = min(count, bits.run_length(fresh >> first))
        last = first
        self._picker.claim(first, seed.address)
        # In v2 a file's last piece may be short, and what follows it is no piece's.
        while last + 1 < first + count and self._picker.piece_size(last) == self._metainfo.piece_length:
            last += 1
            self._picker.claim(last, seed.address)
        return self._metainfo.offset(first), self._metainfo.offset(last) + self._picker.piece_size(last)

    def _owed_longest(self, seed: WebSeed, now: float) -> tuple[int, int] | None:
        # The end game: what one peer keeps us waiting for comes from here or there, whichever is sooner.
        under_way = [(run.at, run.end) for run in self._ranges.values()]
        owed = sorted(
            (run.asked_at, (run.piece, bits.first(run.blocks, 0)))
            for connection in self._connections.values()
            for run in connection.pending
            if run.blocks and now - run.asked_at >= HURRY_S and self._picker.partials[run.piece].admits(seed.address)
        )
        for _, (piece, block) in owed:
            start, end = self._span(piece, block, block + 1)
            if not any(at <= start < until for at, until in under_way):
                return start, end
        return None

    def _takeover(self, run: Range, available: int) -> int | None:
        # Where a peer with these pieces takes over: from the first of its pieces that the range has not begun, or, when
        # nothing else is left to ask for, in the middle of what lacks.
        begun = self._piece_of(run.at) + 1
        ahead = available >> begun & ((1 << (self._piece_of(run.end - 1) + 1 - begun)) - 1)
        if ahead:
            return (begun + bits.first(ahead, 0)) * self._metainfo.piece_length
        blocks = list(self._blocks(run.at, run.end))
        piece, block = blocks[len(blocks) // 2]
        if not self._picker.end_game or not available >> piece & 1:
            return None
        return self._span(piece, block, block + 1)[0]

    # Small parts

    def _take(self, run: Range, data: memoryview) -> None:
        for piece, index, block in self._whole_blocks(run, data):
            self._downloader.take(piece, index, block, run.seed.address)

    def _whole_blocks(self, run: Range, data: memoryview) -> Iterator[tuple[int, int, bytes | memoryview]]:
        while data:
            piece, begin = divmod(run.at, self._metainfo.piece_length)
            size = self._picker.block_size(piece, begin // BLOCK)
            if not run.rest and len(data) >= size:
                block: bytes | memoryview = data[:size]
                data = data[size:]
            else:
                lacking = size - len(run.rest)
                run.rest += data[:lacking]
                data = data[lacking:]
                if len(run.rest) < size:
                    return
                block = bytes(run.rest)
                run.rest.clear()
            run.at += size
            yield piece, begin // BLOCK, block

    def _end(self, run: Range) -> None:
        del self._ranges[run.number]
        run.seed.under_way -= 1
        self._downloader.wasted += len(run.rest)
        for piece, block in self._blocks(run.at, run.end):
            self._downloader.unclaim(piece, block)

    def _retire(self, seed: WebSeed) -> None:
        if seed in self._seeds:
            self._seeds.remove(seed)
        for run in [run for run in self._ranges.values() if run.seed is seed]:
            self._effects.append(CancelRange(run.number))
            self._end(run)

    @property
    def _in_a_crowd(self) -> bool:
        return any(connection.have != self._whole for connection in self._connections.values())

    def _piece_of(self, offset: int) -> int:
        return offset // self._metainfo.piece_length

    def _blocks(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        while start < end:
            piece, begin = divmod(start, self._metainfo.piece_length)
            yield piece, begin // BLOCK
            start += self._picker.block_size(piece, begin // BLOCK)

    def _span(self, piece: int, first: int, end: int) -> tuple[int, int]:
        start = piece * self._metainfo.piece_length
        return start + first * BLOCK, start + min(end * BLOCK, self._metainfo.piece_size(piece))
