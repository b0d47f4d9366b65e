"""The upload side: checks the peers' requests, queues them, and hands out blocks as the link has room.

Connections take turns, as few at once as fill the link (see `lanes`): one is for whoever waited longest, the next
three for whoever came first. Serving requests in the order of their arrival instead would favour whoever has asked for
most, and so whoever was fast already: in a flash crowd of 16 the last peer then needs 1.30 times the bound, with turns
1.11. Late comers have little to give yet: where peers come one after another most are done sooner, and the last hardly
later, if those who came first are not held up for them (ADR 0080).

Between peers that take runs, a request for several blocks is as many requests, each cancelled or rejected for itself,
but answered in one message as far as a turn allows: a wake-up costs both ends the same for one block as for more.
Blocks asked for one by one make a run only on a link that has shown to be fast: who wants to use or cancel each as soon
as ever asks so (see `downloader`).

With BEP 6 each request gets exactly one reply: the block or a reject. Without it, a request not answered is dropped.
"""

from __future__ import annotations

from collections import deque

from p2p_node.boundary import Effect, Send, Serve, Upload
from p2p_node.core.allowed_fast import SET_SIZE, allowed_fast_set
from p2p_node.core.connection import Connection
from p2p_node.core.lanes import MOST_REQUESTS, Lanes
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import BLOCK, AllowedFast, Cancel, Choke, Reject, Requests, Unchoke, in_blocks, stretch
from p2p_node.wire.metainfo import Metainfo

MAX_REQUEST = 128 * 1024
"""Longest block served; clients ask for 16 KiB, a few for more."""

FAST_TURN = 16 * BLOCK
"""A link that is handed this much at once is so fast that blocks asked for one by one may share a message: it took half
of it within 2.5 ms (see `lanes`)."""

WAITED_TURN = 4
"""Every so manyth turn is for whoever waited longest. Were it every other, the median of 16 that come within 20 s would
wait 1.53 times as long as it would alone instead of 1.41; were it none, the last of all would be done a twentieth
later."""

TOGETHER_S, TOGETHER = 0.5, 0.1
"""Who came within so long of each other came together, and who came within this share of the first one's time: a crowd
that comes at once needs a while to connect, the longer the slower its links."""

MAX_UPLOADS = 2000
"""Requests of one peer that wait; as many as libtorrent keeps."""


class Uploader:
    """What peers ask this node for. Appends to the effects list that it shares with its swarm."""

    def __init__(self, metainfo: Metainfo, effects: list[Effect], now: float) -> None:
        self._metainfo = metainfo
        self._effects = effects
        self._lanes = Lanes(now)
        self._waiting: dict[Connection, None] = {}
        """Connections with requests that have no lane, whoever has waited longest first."""
        self._turn = 0
        """Counts turns."""
        self.uploaded = 0

    @property
    def has_room(self) -> bool:
        """Whether nobody waits for the uplink."""
        return not self._waiting

    @property
    def idle(self) -> bool:
        """Whether the link has nothing to do."""
        return self.has_room and self._lanes.free

    def idle_s(self, connection: Connection, now: float) -> float:
        """Seconds for which this peer left the uplink idle; 0 while anybody waits for it."""
        busy = self._waiting or self._lanes.holds(connection)
        return 0.0 if busy else now - connection.last_sent

    def requested(self, connection: Connection, requests: Requests, have: int) -> None:
        """A peer asks for blocks. Raises ProtocolError when no such blocks can exist."""
        self._check(requests, max(connection.run, MAX_REQUEST))
        if connection.run == BLOCK:
            asked = [requests]
        elif requests.length > BLOCK:
            asked = in_blocks(requests)
        else:
            asked = [stretch(requests, number, number + 1) for number in range(requests.count)]
        for blocks in asked:
            self._queue(connection, blocks, have)

    def _queue(self, connection: Connection, requests: Requests, have: int) -> None:
        room = MAX_UPLOADS - connection.uploads_count
        served = have >> requests.piece & 1 and room > 0
        if not served or (connection.am_choking and not self._spend_grant(connection, requests)):
            self._reject(connection, requests)
            return
        if requests.count > room:
            self._reject(connection, stretch(requests, room, requests.count))
            requests = stretch(requests, 0, room)
        connection.requested |= 1 << requests.piece
        if not connection.uploads and not self._lanes.holds(connection):
            self._waiting[connection] = None
            self._effects.append(Serve())
        connection.uploads.append(requests)
        connection.uploads_count += requests.count

    def cancelled(self, connection: Connection, cancel: Cancel) -> None:
        """A peer no longer needs a block it asked for."""
        for place, waiting in enumerate(connection.uploads):
            number, remainder = divmod(cancel.begin - waiting.begin, waiting.length)
            same = cancel.piece == waiting.piece and cancel.length == waiting.length and not remainder
            if same and 0 <= number < waiting.count:
                self._cut(connection, place, number)
                self._reject(connection, stretch(waiting, number, number + 1))
                break

    def next_upload(self, most: int, now: float) -> Upload | None:
        """The next blocks to send, at most `most` bytes unless one is longer, now taken off their queue."""
        if not self._lanes.free:
            return None
        if not self._waiting:
            self._lanes.idle(now)
            return None
        connection = self._next(now)
        del self._waiting[connection]
        most = min(most, self._lanes.turn(connection))
        in_runs = connection.run > BLOCK
        as_asked = in_runs and most < FAST_TURN
        requests = _take_run(connection.uploads, min(most, connection.run) if in_runs else most, as_asked)
        size = requests.count * requests.length
        connection.uploads_count -= requests.count
        self._lanes.take(connection, size, now)
        connection.upload.add(size, now)
        connection.last_sent = now
        self.uploaded += size
        if in_runs and requests.length == BLOCK:
            requests = Requests(requests.piece, requests.begin, size, 1)
        return Upload(connection.id, requests, self._lanes.unsent(connection, size))

    def drained(self, connection: Connection, now: float) -> None:
        """The socket has taken what `next_upload` gave for it."""
        self._lanes.give_back(connection, now)
        if connection.uploads:
            self._waiting[connection] = None

    def left(self, connection: Connection) -> None:
        """The connection ended."""
        self._lanes.left(connection)
        self._waiting.pop(connection, None)

    def choke(self, connection: Connection) -> None:
        """Answer no more of this peer's requests, but for pieces granted to it."""
        connection.am_choking = True
        self._effects.append(Send(connection.id, Choke()))
        waiting, connection.uploads = connection.uploads, deque()
        connection.uploads_count = 0
        for requests in waiting:
            if self._spend_grant(connection, requests):
                connection.uploads.append(requests)
                connection.uploads_count += requests.count
            else:
                connection.requested &= ~(1 << requests.piece)
                self._reject(connection, requests)
        if not connection.uploads:
            self._waiting.pop(connection, None)

    def unchoke(self, connection: Connection) -> None:
        """Answer this peer's requests from now on."""
        connection.am_choking = False
        self._effects.append(Send(connection.id, Unchoke()))

    def grant(self, connection: Connection, have: int) -> None:
        """Let a peer that is just starting have a few of the pieces that are here even while it is choked (BEP 6)."""
        if not connection.fast or connection.granted or connection.have.bit_count() >= SET_SIZE:
            return
        host, _ = connection.address
        for piece in allowed_fast_set(self._metainfo.info_hash, host, self._metainfo.piece_count):
            if not have >> piece & 1:
                continue
            connection.granted |= 1 << piece
            connection.fast_budget += self._metainfo.piece_size(piece)
            self._effects.append(Send(connection.id, AllowedFast(piece)))

    def _next(self, now: float) -> Connection:
        self._turn = (self._turn + 1) % WAITED_TURN
        if not self._turn:
            return next(iter(self._waiting))
        # Who had something when we met may have been here before us, however new the connection is.
        first = min(connection.opened for connection in self._waiting)
        together = first + max(TOGETHER_S, TOGETHER * (now - first))
        return next(connection for connection in self._waiting if connection.had or connection.opened <= together)

    def _spend_grant(self, connection: Connection, requests: Requests) -> bool:
        granted = connection.granted >> requests.piece & 1 and connection.have.bit_count() <= SET_SIZE
        size = requests.count * requests.length
        if not granted or connection.fast_budget < size:
            return False
        connection.fast_budget -= size
        return True

    def _cut(self, connection: Connection, place: int, number: int) -> None:
        waiting = connection.uploads[place]
        del connection.uploads[place]
        for rest in (stretch(waiting, number + 1, waiting.count), stretch(waiting, 0, number)):
            if rest.count:
                connection.uploads.insert(place, rest)
        connection.uploads_count -= 1
        if not connection.uploads:
            self._waiting.pop(connection, None)

    def _reject(self, connection: Connection, requests: Requests) -> None:
        # BEP 6 promises exactly one reply to each request; without it silence means no.
        if connection.fast:
            piece, begin, length, count = requests.piece, requests.begin, requests.length, requests.count
            for at in range(begin, begin + count * length, length):
                self._effects.append(Send(connection.id, Reject(piece, at, length)))

    def _check(self, requests: Requests, longest: int) -> None:
        if requests.piece >= self._metainfo.piece_count:
            raise ProtocolError(f"request for piece {requests.piece} of {self._metainfo.piece_count}")
        if not 0 < requests.length <= longest:
            raise ProtocolError(f"request for {requests.length} bytes")
        if requests.begin + requests.count * requests.length > self._metainfo.piece_size(requests.piece):
            raise ProtocolError(f"request past the end of piece {requests.piece}")


def _take_run(uploads: deque[Requests], most: int, as_asked: bool) -> Requests:
    """Take the first blocks that lie side by side, at most `most` bytes but at least one block; `as_asked`: that were
    asked for at once."""
    first = uploads[0]
    room = max(min(most // first.length, MOST_REQUESTS), 1)
    taken = 0
    while uploads and taken < room:
        head = uploads[0]
        follows = head.begin == first.begin + taken * first.length and head.piece == first.piece
        if not follows or head.length != first.length:
            break
        count = min(head.count, room - taken)
        taken += count
        if count == head.count:
            uploads.popleft()
        else:
            uploads[0] = stretch(head, count, head.count)
        if as_asked:
            break
    return Requests(first.piece, first.begin, first.length, taken)
