"""The download side: keeps each peer's request queue full, takes blocks in, and runs the end game.

Queues are short: what is asked of a slow peer cannot be had from a faster one, and at the end everybody waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from random import Random

from p2p_node.boundary import Close, ConnectionId, Discard, Effect, Notice, Send, Store, Verify
from p2p_node.core import bits
from p2p_node.core.connection import Connection
from p2p_node.core.picker import Picker
from p2p_node.core.requests import Requests, Wait, by_wait
from p2p_node.wire import messages as wire
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK
from p2p_node.wire.metainfo import Metainfo

TOGETHER = 2
"""Blocks of a piece that are asked for at once, though the queue has less room. A request and its answer cost both ends
a packet and a wake-up each, and a small piece is of use to nobody before it is whole."""

MIN_QUEUE = 3
"""Requests under way to a peer at least. A peer that serves many in turn passes over who has nothing waiting: with 2
and 31 others, some got a fifth less than their share."""

SPACED_S = 1.0
"""A peer whose blocks come so far apart is asked for one at a time: the next request reaches it long before its turn,
and of thirty such peers each would else keep three blocks from all others for minutes. But not a seed that may be
waiting for our requests, as these wait behind our own blocks, which take as long."""

SLOW_S = 5.0
"""Between two blocks so far apart a peer may tell of hundreds of pieces: each HAVE then costs more than it brings."""

QUEUE_S = 0.5
"""Beyond MIN_QUEUE, requests under way last this long at the peer's present rate, and the time in which it answers: its
link stays busy also while ours is, behind whose blocks requests wait."""

END_QUEUE_S = 0.1
"""The same near the end: what is asked of a slow peer then is what everybody waits for."""

END_SHARE = 5
"""The end is the last piece in so many. Blocks are asked for one by one then, but of who sends `FAST_QUEUE` of them
soon: each can be cancelled, or be had elsewhere."""

FAST_QUEUE = 16

LONGEST_WAIT_S = 1.0
"""Neither an answer nor our own blocks are taken to last longer: a peer that stalls gets no deeper queue."""

REFILL = 2
"""Requests are sent together, at least this many or a quarter of the queue: each packet of them costs both ends."""

MAX_QUEUE = 500
"""Requests under way to one peer. transmission serves 511 and forgets the rest."""

MAX_UNVERIFIED = 8 << 20
"""Bytes asked for or received but not hashed yet: past this, hashing is the bottleneck and more would only fill
memory. Twice as much is not faster on loopback."""

SNUBBED_S = 60.0
PATIENCE = 3
"""A peer that unchoked us and sends no block for so many seconds (Cohen 2003), and for so many times as long as peers
take between two, gives what it was asked for back to others, and is asked again behind them. With 20 s two hundred
peers of 64 kbit/s, each with a score of others in its queue, received a ninth of all twice. What a dead peer was
asked for does not wait for it: the end game asks others."""

SEVERAL = 4
SLOWEST_S = 240.0
"""Where most of those asked keep us waiting, and SEVERAL were, the links are slow: who takes up to PATIENCE times as
long as they is not given up before SLOWEST_S. With thirty others in its queue a peer of 32 kbit/s takes two minutes:
250 of them received 6 % of all twice, and were done at .84 of the bound instead of .91 (ADR 0085)."""

AVERAGED = 16
"""Blocks over which it is averaged how far apart they come."""


class Downloader:
    """What this node asks its peers for. Appends to the effects list that it shares with its swarm."""

    def __init__(
        self,
        metainfo: Metainfo,
        have: int,
        connections: Mapping[ConnectionId, Connection],
        effects: list[Effect],
        rng: Random,
    ) -> None:
        self.picker = Picker(metainfo, have, rng)
        self._piece_count = metainfo.piece_count
        self.wasted = 0
        """Payload bytes received and thrown away."""
        self.duplicates = 0
        """Of these, bytes of blocks that were here already."""
        self.hash_failures = 0
        self.downloaded = 0
        """Payload bytes received and verified."""
        self._connections = connections
        self._effects = effects
        self.served: Counter[Address] = Counter()
        """Verified bytes by the peer that sent them."""
        self._requests = Requests()
        self._spacing = 0.0
        """Seconds between two blocks of one peer, on average over the last of all peers."""
        self._unverified = 0
        """Bytes received of pieces not verified."""
        self._full = False
        """Whether a peer was not asked for all it could send because too much is not verified yet."""

    def received(self, connection: Connection, run: wire.Blocks, now: float) -> None:
        """Blocks came. Raises ProtocolError when they were never asked for."""
        piece, count, length = run.piece, len(run.blocks), len(run.blocks[0])
        size = count * length
        came = self.picker.covered(piece, run.begin, size)
        asked = connection.pending.among(piece, came)
        if not came or connection.settle(piece, came & ~asked) != came & ~asked:
            raise ProtocolError(f"unsolicited block {run.begin // BLOCK} of piece {piece}")
        fits = (length <= BLOCK and count == 1) or (length <= connection.run and not length % BLOCK)
        if not fits or size != self.picker.size(piece, came) or run.begin % BLOCK:
            raise ProtocolError(f"block {run.begin // BLOCK} of piece {piece} has {length} bytes at {run.begin}")
        connection.download.add(size, now)
        self._answered(connection, piece, came, now)
        connection.last_block = now
        connection.snubs = False
        self._take_in(run, came, connection.address)

    def expects(self, connection: Connection, piece: int, begin: int, size: int) -> bool:
        """Whether these bytes are a run of whole blocks that this peer may send, was asked for, and nobody sent yet."""
        partial = self.picker.partials.get(piece)
        if partial is None or begin % BLOCK or size % BLOCK or size > connection.run:
            return False
        came = self.picker.covered(piece, begin, size)
        missing = came & partial.missing == came and partial.admits(connection.address)
        return missing and connection.pending.among(piece, came) == came

    def take(self, piece: int, block: int, data: bytes | memoryview, source: Address) -> None:
        """A whole block came from a web seed, or is zeros that it need not send."""
        if self.picker.padding(piece) >> block & 1:
            return
        self._take_in(wire.Blocks(piece, block * BLOCK, [memoryview(data)]), 1 << block, source)

    @property
    def backlogged(self) -> bool:
        """Whether so much waits to be verified that more should not be begun."""
        return self._unverified >= MAX_UNVERIFIED

    @property
    def is_slow(self) -> bool:
        """Whether peers take long over a block: on average more than SLOW_S."""
        return self._spacing > SLOW_S

    def unclaim(self, piece: int, block: int) -> None:
        """A web seed will not send this block: unless some peer was asked for it too, it is open again."""
        if not self._requests.among(piece, 1 << block):
            self.picker.unclaim(piece, block)

    def abandon(self, source: Address) -> None:
        """Nothing more will come from there: pieces that it was to send alone start anew."""
        for partial in self.picker.abandon(source):
            self._waste(partial.piece, partial.received)
            self._effects.append(Discard(partial.piece))

    def verified(self, piece: int, right: bool) -> bool:
        """The outcome of a `Verify`; returns whether peers can be asked for more now.

        A wrong piece is thrown away, and so is the peer that is to blame for it.
        """
        if right:
            self._unverified -= self.picker.size(piece, self.picker.partials[piece].received)
            self._credit(piece)
            self.picker.verified(piece)
            return self._full or self.picker.end_game
        self.hash_failures += 1
        self.condemn(piece)
        return True

    def condemn(self, piece: int) -> None:
        """A complete piece is wrong, and nobody knows where: throw it away, and the peer that sent all of it."""
        if not self.picker.partials[piece].senders:
            self._effects.append(Notice(f"piece {piece} must be zeros by the torrent's files, but not by its hash"))
        self._waste(piece, self.picker.partials[piece].received)
        self._effects.append(Discard(piece))
        liar = self.picker.failed(piece)
        if liar is not None:
            self._expel(liar, f"sent piece {piece}, which is wrong")

    def convict(self, piece: int, wrong: int) -> None:
        """These blocks of a complete piece are wrong and its others right: ask for them again, and throw out who sent
        them."""
        self._waste(piece, wrong)
        for liar in self.picker.convict(piece, wrong):
            self._expel(liar, f"sent blocks of piece {piece} that are wrong")

    def verify_hollow(self) -> None:
        """Have the next piece verified that is all padding, one after the other."""
        if self.picker.hollow:
            piece = self.picker.begin_hollow()
            self._effects += [Store(piece, 0, ()), Verify(piece)]

    def fill(self, connection: Connection, now: float) -> None:
        """Ask this peer for as much as its queue should hold."""
        self._ask(connection, now)
        self._ask_again([connection], now)

    def fill_all(self, now: float) -> None:
        """Ask every peer for as much as its queue should hold."""
        self._full = False
        connections = sorted(self._connections.values(), key=attrgetter("snubs"))  # who snubs us comes last
        for connection in connections:
            self._ask(connection, now)
        self._ask_again(connections, now)

    def _ask(self, connection: Connection, now: float) -> None:
        if self.picker.end_game or not _can_be_asked(connection):
            return
        near_end = self.picker.missing.bit_count() * END_SHARE < self._piece_count
        target = connection.depth = min(self._queue_target(connection, near_end, now), connection.reqq)
        room = target - len(connection.pending)
        if connection.pending and room < max(REFILL, target // 4):
            return
        least = TOGETHER if target >= MIN_QUEUE and not near_end else 1
        run = BLOCK if near_end and target < FAST_QUEUE else connection.run
        while room > 0:
            allowed = -(-(MAX_UNVERIFIED - self._unverified) // BLOCK) - self._requests.count
            if allowed <= 0:
                self._full = True
                return
            picked = self.picker.pick(connection, max(min(room, allowed), least))
            if picked is None:
                break
            self._request(connection, *picked, run, now)
            room -= len(picked[1])

    def _ask_again(self, connections: Iterable[Connection], now: float) -> None:
        if not self.picker.end_game:
            return
        idle = [connection for connection in connections if not connection.pending and _can_be_asked(connection)]
        if idle:
            waits = by_wait(self._connections.values(), now)
            for connection in idle:
                self._request_again(connection, waits, now)

    def release(self, connection: Connection) -> None:
        """Nothing more will come from this peer: what it was asked for is open again for others."""
        self.picker.leave(connection)
        for run in list(connection.pending):
            blocks = run.blocks
            self._requests.remove(connection, run.piece, blocks)
            connection.give_up(run.piece, blocks)
            self._give_back(run.piece, blocks)
        self.abandon(connection.address)

    def rejected(self, connection: Connection, piece: int, begin: int) -> None:
        """The peer will not send this block (BEP 6). Raises ProtocolError when it was never asked for."""
        block = 1 << begin // BLOCK
        if connection.settle(piece, block):  # the first answer is to the first request
            return
        if self._requests.remove(connection, piece, block) is None:
            raise ProtocolError("reject of a block that was not asked for")
        self._give_back(piece, block)
        # Asked again at once, it would reject again, and so on at the speed of the link.
        if connection.peer_choking:
            connection.allowed_fast &= ~(1 << piece)
        else:
            connection.refused |= 1 << piece

    def release_snubbed(self, now: float) -> None:
        """Take back what peers that fell silent were asked for, and try again what others refused."""
        waits = sorted(connection.waited_s(now) for connection in self._connections.values() if connection.pending)
        usual_s = waits[(len(waits) - 1) // 2] if len(waits) >= SEVERAL else 0.0
        least_s = max(SNUBBED_S, PATIENCE * self._spacing, min(PATIENCE * usual_s, SLOWEST_S))
        for connection in self._connections.values():
            connection.refused = 0
            if connection.waited_s(now) > max(least_s, PATIENCE * connection.spacing):
                for run in connection.pending:
                    self._cancel(connection, run.piece, run.blocks)
                connection.snubs = True
                self.release(connection)

    def _queue_target(self, connection: Connection, near_end: bool, now: float) -> int:
        spacing = connection.spacing or self._spacing
        if spacing > SPACED_S and not (connection.upload_only and spacing < self._own_block_s(now)):
            return 1
        rate = connection.download.per_second(now)
        if not rate:
            return MIN_QUEUE if connection.waited_s(now) < SPACED_S else 1
        seconds = END_QUEUE_S if near_end else QUEUE_S
        seconds += min(connection.latency, LONGEST_WAIT_S) + _behind_own_blocks(connection, now)
        return min(MIN_QUEUE + int(rate * seconds) // BLOCK, MAX_QUEUE)

    def _own_block_s(self, now: float) -> float:
        rate = sum(each.upload.per_second(now) for each in self._connections.values())
        return BLOCK / rate if rate else 0.0

    def _request(self, connection: Connection, piece: int, blocks: range, run: int, now: float) -> None:
        asked = (1 << blocks.stop) - (1 << blocks.start)
        self._requests.add(connection, piece, asked, now)
        last = blocks[-1]
        length = self.picker.block_size(piece, last)
        whole = len(blocks) if length == BLOCK else len(blocks) - 1
        most = run // BLOCK
        runs, rest = divmod(whole, most)
        begin = blocks[0] * BLOCK
        if runs:
            self._effects.append(Send(connection.id, wire.Requests(piece, begin, most * BLOCK, runs)))
        if rest:
            begin += runs * most * BLOCK
            self._effects.append(Send(connection.id, wire.Request(piece, begin, rest * BLOCK)))
        if length < BLOCK:
            self._effects.append(Send(connection.id, wire.Request(piece, last * BLOCK, length)))

    def _take_in(self, run: wire.Blocks, came: int, source: Address) -> None:
        piece = run.piece
        needed = self.picker.receive(piece, came, source)
        again = self.picker.size(piece, came & ~needed)
        self.wasted += again
        self.duplicates += again
        if not needed:
            return
        self._unverified += self.picker.size(piece, needed)
        if needed == came:
            self._effects.append(Store(piece, run.begin, run.blocks))
        else:
            for block in bits.members(needed):
                at = block * BLOCK - run.begin
                number, start = divmod(at, len(run.blocks[0]))
                self._effects.append(Store(piece, block * BLOCK, [run.blocks[number][start : start + BLOCK]]))
        if asked := self._requests.among(piece, needed):
            self._cancel_elsewhere(piece, asked)
        if not self.picker.partials[piece].missing:
            self._effects.append(Verify(piece))

    def _answered(self, connection: Connection, piece: int, blocks: int, now: float) -> None:
        # A block given up and then asked for anew may come twice: the first copy answers the second request.
        asked_at = self._requests.remove(connection, piece, blocks)
        if asked_at is not None:
            connection.latency = min(connection.latency, now - asked_at)
            connection.spacing = now - max(asked_at, connection.last_block)
            self._spacing += (connection.spacing - self._spacing) / AVERAGED

    def _request_again(self, connection: Connection, waits: Sequence[Wait], now: float) -> None:
        latest = self._requests.latest_elsewhere(connection, waits, now)
        if latest is not None and self.picker.partials[latest[0]].admits(connection.address):
            piece, block = latest
            self._request(connection, piece, range(block, block + 1), BLOCK, now)

    def _cancel_elsewhere(self, piece: int, blocks: int) -> None:
        for other in self._connections.values():
            asked = other.pending.among(piece, blocks)
            self._requests.remove(other, piece, asked)
            other.give_up(piece, asked)
            self._cancel(other, piece, asked)

    def _cancel(self, connection: Connection, piece: int, blocks: int) -> None:
        for block in bits.members(blocks):
            cancel = wire.Cancel(piece, block * BLOCK, self.picker.block_size(piece, block))
            self._effects.append(Send(connection.id, cancel))

    def _give_back(self, piece: int, blocks: int) -> None:
        self.picker.give_back(piece, blocks & ~self._requests.among(piece, blocks))

    def _credit(self, piece: int) -> None:
        for sender, blocks in self.picker.partials[piece].senders.items():
            size = self.picker.size(piece, blocks)
            self.served[sender] += size
            self.downloaded += size

    def _expel(self, liar: Address, reason: str) -> None:
        for piece, blocks in self.picker.reject(liar):
            self._waste(piece, blocks)
        for connection in self._connections.values():
            if connection.address == liar:
                self._effects.append(Close(connection.id, reason))

    def _waste(self, piece: int, blocks: int) -> None:
        size = self.picker.size(piece, blocks)
        self._unverified -= size
        self.wasted += size


def _can_be_asked(connection: Connection) -> bool:
    return connection.am_interested and bool(connection.allowed_fast or not connection.peer_choking)


def _behind_own_blocks(connection: Connection, now: float) -> float:
    """Seconds that a request waits in its socket behind what we upload there: on a slow uplink, shared by many, most of
    the time it takes."""
    if not connection.uploads:
        return 0.0
    return min(connection.turn / max(connection.upload.per_second(now), 1.0), LONGEST_WAIT_S)
