"""Runs of blocks in one message, between peers that both take them: as many requests and blocks, asked and answered at
once."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.boundary import Close, Effect, Send, Store, Upload, Verify
from p2p_node.core.connection import Connection
from p2p_node.core.lanes import MOST
from p2p_node.core.node import Node
from p2p_node.core.uploader import FAST_TURN, MAX_UPLOADS, Uploader
from p2p_node.wire import messages as wire
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import ExtensionHandshake
from p2p_node.wire.messages import BLOCK, RUN
from tests.network import make_torrent
from tests.scripted import ScriptedPeers

PIECE = 8 * BLOCK
CONTENT = Random(3).randbytes(2 * PIECE)
RATE_S = 0.01


class Leech(ScriptedPeers):
    """A node that wants everything, and peers that have it."""

    def __init__(self, content: bytes = CONTENT, piece_length: int = PIECE) -> None:
        super().__init__(content, piece_length=piece_length)

    def meet(self, connection: int, run: int | None) -> None:
        """A seed connects that names its longest run, or none, and unchokes."""
        self.connect(connection, f"10.0.1.{connection}")
        greeting = wire.Extended(0, ExtensionHandshake(run=run).encode())
        self.say(connection, greeting, wire.HaveAll(), wire.Unchoke())

    def requests(self) -> list[wire.Request | wire.Requests]:
        """What was asked for since the last call."""
        said = [effect.message for effect in self.take(Send)]
        return [message for message in said if isinstance(message, wire.Request | wire.Requests)]

    def block(self, piece: int, first: int, count: int) -> wire.Piece:
        start = piece * PIECE + first * BLOCK
        return wire.Piece(piece, first * BLOCK, CONTENT[start : start + count * BLOCK])

    def closed(self) -> list[str]:
        return [effect.reason for effect in self.take(Close)]

    def expects(self, connection: int, piece: int, begin: int, size: int) -> bool:
        assert isinstance(self.node, Node)
        return self.node.expects(connection, piece, begin, size)


def frames(requests: list[wire.Request | wire.Requests]) -> int:
    """How many messages these are on the wire."""
    return sum(len(wire.encode(request)) for request in requests) // 17


def test_who_takes_runs_is_asked_for_several_blocks_at_once() -> None:
    """One message where another peer needs one a block."""
    bench = Leech()
    bench.meet(1, RUN)
    (asked,) = bench.requests()
    assert frames([asked]) == 1 and asked.length > BLOCK and not asked.length % BLOCK


@pytest.mark.parametrize("run", [None, 1, BLOCK, 2 * BLOCK - 1])
def test_who_takes_no_runs_is_asked_for_single_blocks(run: int | None) -> None:
    """As every other client is; less than two blocks are no run."""
    bench = Leech()
    bench.meet(1, run)
    assert {request.length for request in bench.requests()} == {BLOCK}


def test_small_pieces_are_asked_for_whole_until_the_end_is_near() -> None:
    """Then of a slow peer block by block, as each may have to be cancelled."""
    size = 2 * BLOCK
    content = Random(4).randbytes(100 * size)
    bench = Leech(content, size)
    bench.meet(1, RUN)
    lengths: list[int] = []
    while asked := bench.requests():
        for request in asked:
            count = request.count if isinstance(request, wire.Requests) else 1
            for begin in range(request.begin, request.begin + request.length * count, BLOCK):
                start = request.piece * size + begin
                bench.now += 0.1
                bench.say(1, wire.Piece(request.piece, begin, content[start : start + BLOCK]))
            lengths.append(request.length)
        for verify in bench.take(Verify):
            bench.node.piece_verified(verify.piece, True, bench.now)
    assert bench.node.complete
    assert set(lengths[:70]) == {size} and set(lengths[-10:]) == {BLOCK}


def test_a_run_counts_as_its_blocks() -> None:
    """What was asked for at once and comes at once is stored, and counted once."""
    bench = Leech()
    bench.meet(1, RUN)
    (asked,) = bench.requests()
    bench.say(1, bench.block(asked.piece, 0, asked.length // BLOCK))
    (stored,) = bench.take(Store)
    assert (stored.piece, stored.begin, len(stored.blocks[0])) == (asked.piece, 0, asked.length)
    assert isinstance(bench.node, Node) and bench.node.tally().wasted == 0


def test_a_run_may_be_answered_block_by_block() -> None:
    """A peer on a slow link does so; each block is let go of when it comes."""
    bench = Leech()
    bench.meet(1, RUN)
    (asked,) = bench.requests()
    for number in range(asked.length // BLOCK):
        bench.say(1, bench.block(asked.piece, number, 1))
    assert [effect.begin for effect in bench.take(Store)] == list(range(0, asked.length, BLOCK))
    assert not bench.closed()


def test_pieces_come_whole_by_runs() -> None:
    """To the last block, whatever the runs are."""
    bench = Leech()
    bench.meet(1, RUN)
    while asked := bench.requests():
        for request in asked:
            assert isinstance(request, wire.Request) or request.count == 1
            bench.now += RATE_S
            bench.say(1, bench.block(request.piece, request.begin // BLOCK, request.length // BLOCK))
    assert sorted(effect.piece for effect in bench.take(Verify)) == [0, 1]


def test_of_a_run_only_what_is_missing_is_stored() -> None:
    """Blocks that came meanwhile from somebody else are duplicates, counted to the byte."""
    bench = Leech()
    bench.meet(1, RUN)
    (asked,) = bench.requests()
    assert isinstance(bench.node, Node)
    bench.node.swarm.downloader.take(asked.piece, 1, bench.block(asked.piece, 1, 1).data, ("10.9.9.9", 80))
    bench.say(1, bench.block(asked.piece, 0, asked.length // BLOCK))
    web, *rest = bench.take(Store)
    assert web.begin == BLOCK
    assert BLOCK not in [effect.begin for effect in rest]
    for effect in rest:
        start = asked.piece * PIECE + effect.begin
        assert b"".join(effect.blocks) == CONTENT[start : start + BLOCK]
    assert bench.node.tally().duplicates == BLOCK


@pytest.mark.parametrize(
    ("run", "begin", "size"),
    [
        (None, 0, 2 * BLOCK),  # never agreed on
        (RUN, 0, 2 * BLOCK - 1),  # no whole blocks
        (RUN, 1, 2 * BLOCK),  # across blocks
        (RUN, 0, PIECE),  # more than was asked for
        (RUN, 0, PIECE + BLOCK),  # past the end of the piece
        (2 * BLOCK, 0, 3 * BLOCK),  # longer than it said
    ],
)
def test_what_is_no_run_that_was_asked_for_closes_the_connection(run: int | None, begin: int, size: int) -> None:
    """A peer cannot make room for itself by long messages; nothing of it is kept."""
    bench = Leech()
    bench.meet(1, run)
    piece = bench.requests()[0].piece
    bench.say(1, wire.Piece(piece, begin, bytes(size)))
    assert len(bench.closed()) == 1 and not bench.take(Store)


def test_a_run_is_expected_from_who_was_asked_until_it_is_here() -> None:
    """Only then may it be received where it belongs."""
    bench = Leech()
    bench.meet(1, RUN)
    (asked,) = bench.requests()
    bench.meet(2, RUN)
    piece, size = asked.piece, asked.length
    assert bench.expects(1, piece, 0, size)
    assert not bench.expects(2, piece, 0, size)
    assert not bench.expects(1, 1 - piece, 0, size)
    assert not bench.expects(1, piece, 0, size + BLOCK)
    assert not bench.expects(1, piece, 1, size)
    assert not bench.expects(1, piece, 0, size - 1)
    assert not bench.expects(1, 1 << 31, (1 << 32) - 1, RUN)
    assert not bench.expects(3, piece, 0, size)
    bench.say(1, bench.block(piece, 0, 1))
    assert not bench.expects(1, piece, 0, size)
    assert bench.expects(1, piece, BLOCK, size - BLOCK)


def test_a_run_given_up_is_not_expected() -> None:
    """What another may be asked for now, it may also bring."""
    bench = Leech()
    bench.connect(1, "10.0.1.1", fast=False)
    said = wire.Extended(0, ExtensionHandshake(run=RUN).encode())
    bench.say(1, said, wire.Bitfield(b"\xc0"), wire.Unchoke())
    (asked,) = bench.requests()
    bench.say(1, wire.Choke())
    assert not bench.expects(1, asked.piece, 0, asked.length)


# The side that is asked


class Seed:
    """An uploader and one receiver that may take runs."""

    def __init__(self, run: int = RUN, turn: int = MOST) -> None:
        self.effects: list[Effect] = []
        self.uploader = Uploader(make_torrent(bytes(128 * BLOCK), 128 * BLOCK), self.effects, 0.0)
        self.peer = Connection(1, ("10.0.0.1", 1), False, 0.0)
        self.peer.am_choking = False
        self.peer.fast = True
        self.peer.run = run
        self.peer.turn = turn

    def ask(self, begin: int, length: int, count: int = 1) -> None:
        self.uploader.requested(self.peer, wire.Requests(0, begin, length, count), 1)

    def served(self, most: int = MOST) -> list[wire.Requests]:
        """Everything that waits, in the messages in which it goes out."""
        found = []
        while upload := self.next(most):
            found.append(upload.requests)
        return found

    def next(self, most: int = MOST) -> Upload | None:
        upload = self.uploader.next_upload(most, 0.0)
        if upload is not None:
            self.uploader.drained(self.peer, 1.0)  # slow, so that the turn does not grow
            self.peer.turn = max(self.peer.turn * 2, FAST_TURN) if self.peer.turn >= FAST_TURN // 2 else BLOCK
        return upload

    def rejected(self) -> list[wire.Reject]:
        said = [effect.message for effect in self.effects if isinstance(effect, Send)]
        return [message for message in said if isinstance(message, wire.Reject)]


def test_on_a_fast_link_a_run_is_one_message() -> None:
    """A head and a stretch of the file."""
    seed = Seed()
    seed.ask(0, RUN)
    assert seed.served() == [wire.Requests(0, 0, RUN, 1)]


def test_neighbours_asked_for_one_by_one_make_a_run() -> None:
    """What a link is worth is known better here than by who asked."""
    seed = Seed()
    seed.ask(0, BLOCK, 5)
    seed.ask(5 * BLOCK, 3 * BLOCK)
    assert seed.served() == [wire.Requests(0, 0, 8 * BLOCK, 1)]


@pytest.mark.parametrize(("run", "turn", "most"), [(RUN, BLOCK, MOST), (RUN, MOST, BLOCK), (BLOCK, MOST, MOST)])
def test_elsewhere_blocks_go_out_one_by_one(run: int, turn: int, most: int) -> None:
    """On a slow link, under a rate cap, and to a peer that takes no runs."""
    seed = Seed(run, turn)
    seed.ask(0, BLOCK, 4)
    assert {requests.length for requests in seed.served(most)} == {BLOCK}


def test_what_was_asked_for_at_once_is_one_message_on_slower_links_too() -> None:
    """As far as a turn allows; blocks that were asked for one by one come so."""
    seed = Seed(turn=2 * BLOCK)
    seed.ask(0, 2 * BLOCK)
    seed.ask(2 * BLOCK, BLOCK, 2)
    found = []
    while upload := seed.uploader.next_upload(MOST, 0.0):
        found.append(upload.requests)
        seed.uploader.drained(seed.peer, 0.004)  # so that the turn stays as it is
    assert found == [wire.Requests(0, 0, 2 * BLOCK, 1)] + [wire.Requests(0, n * BLOCK, BLOCK, 1) for n in (2, 3)]


def test_a_cancelled_block_is_left_out_of_its_run() -> None:
    """It is rejected by name, and its neighbours are sent."""
    seed = Seed()
    seed.ask(0, 4 * BLOCK)
    seed.uploader.cancelled(seed.peer, wire.Cancel(0, BLOCK, BLOCK))
    assert seed.served() == [wire.Requests(0, 0, BLOCK, 1), wire.Requests(0, 2 * BLOCK, 2 * BLOCK, 1)]
    assert seed.rejected() == [wire.Reject(0, BLOCK, BLOCK)]


def test_runs_fill_the_queue_like_their_blocks() -> None:
    """Few words do not make a peer's queue longer."""
    seed = Seed()
    for _ in range(MAX_UPLOADS * BLOCK // RUN):
        seed.ask(0, RUN)
    assert seed.peer.uploads_count <= MAX_UPLOADS
    seed.ask(0, RUN)
    assert seed.peer.uploads_count == MAX_UPLOADS
    assert len(seed.rejected()) == (MAX_UPLOADS * BLOCK // RUN + 1) * RUN // BLOCK - MAX_UPLOADS


@pytest.mark.parametrize(("run", "length"), [(RUN, RUN + BLOCK), (2 * BLOCK, RUN), (BLOCK, RUN), (RUN, 0)])
def test_longer_runs_than_agreed_on_are_refused(run: int, length: int) -> None:
    """What 128 KiB hold is served to anybody, as ever."""
    with pytest.raises(ProtocolError):
        Seed(run).ask(0, length)


@given(st.integers(0, 1 << 30), st.integers(1, RUN), st.integers(1, 4))
def test_the_blocks_of_a_run_are_all_of_it(begin: int, length: int, count: int) -> None:
    """Side by side, none longer than a block."""
    at = begin
    for blocks in wire.in_blocks(wire.Requests(7, begin, length, count)):
        assert (blocks.piece, blocks.begin) == (7, at) and 0 < blocks.length <= BLOCK
        at += blocks.length * blocks.count
    assert at == begin + length * count
