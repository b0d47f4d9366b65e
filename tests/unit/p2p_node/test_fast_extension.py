"""BEP 6 in full: what is granted to starting peers, what is asked while choked, and one reply to each request."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_node.boundary import Close, Effect, Send
from p2p_node.core.allowed_fast import SET_SIZE, allowed_fast_set
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import BLOCK, Message
from tests.network import Network, make_torrent

PIECES = 40
CONTENT = Random(6).randbytes(PIECES * BLOCK)
WHOLE = (1 << PIECES) - 1
HOST = "10.0.0.2"


class Bench:
    """One core and one scripted peer; `choking`: the core has its one slot for another."""

    def __init__(self, have: int = 0, fast: bool = True, choking: bool = False) -> None:
        self.metainfo = make_torrent(CONTENT, BLOCK)
        chosen = SwarmSettings(slots=1 if choking else None, thrifty_seed=False)
        self.node = Node(self.metainfo, b"-SB0100-own-own-own-", ("10.0.0.1", 6881), have, chosen, Random(1), 0.0)
        if choking:
            self.connect(2, b"-XX0000-in-the-slot-", "10.9.9.9", fast)
            self.node.received(2, [wire.Interested()], 0.0)
        self.connect(1, b"-XX0000-somebodyelse", HOST, fast)
        self.node.take_effects()

    def connect(self, number: int, peer_id: bytes, host: str, fast: bool) -> None:
        self.node.connected(number, (host, 50000), False, 0.0)
        self.node.shaken_hands(number, Handshake(self.metainfo.info_hash, peer_id, fast=fast), 0.0)

    def say(self, *said: Message, at: float = 1.0) -> list[Effect]:
        self.node.received(1, said, at)
        return self.node.take_effects()

    def take_uploads(self, most: int = 1 << 20) -> list[wire.Request]:
        """What is sent now, until `most` bytes are."""
        sent: list[wire.Request] = []
        while sum(one.length for one in sent) < most and (upload := self.node.next_upload(BLOCK, 1.0)):
            sent += singly(upload.requests)
            self.node.drained(upload.connection, 1.0)
        return sent


def sent(effects: list[Effect], kind: type) -> list:
    messages = [effect.message for effect in effects if isinstance(effect, Send)]
    return [one for message in messages for one in singly(message) if isinstance(one, kind)]


def singly(message: object) -> list:
    """Each request of a run as one of its own."""
    if not isinstance(message, wire.Requests):
        return [message]
    piece, begin, length, count = msgspec.structs.astuple(message)
    return [wire.Request(piece, begin + at * length, length) for at in range(count)]


def closed(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Close) for effect in effects)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(7, [1059, 431, 808, 1217, 287, 376, 1188]), (9, [1059, 431, 808, 1217, 287, 376, 1188, 353, 508])],
)
def test_the_set_is_that_of_the_bep(size: int, expected: list[int]) -> None:
    """BEP 6 publishes two examples."""
    assert allowed_fast_set(b"\xaa" * 20, "80.4.4.200", 1313, size) == expected


@given(st.integers(1, 50), st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(min_size=20, max_size=20))
def test_one_network_has_one_set(piece_count: int, network: int, other: int, info_hash: bytes) -> None:
    """Whatever the torrent's size: pieces that exist, each once, and the same for neighbours of a /24."""
    a, b, c, last = network.to_bytes(4, "big")
    chosen = allowed_fast_set(info_hash, f"{a}.{b}.{c}.{last}", piece_count)
    assert len(set(chosen)) == len(chosen) == min(SET_SIZE, piece_count)
    assert all(0 <= piece < piece_count for piece in chosen)
    assert chosen == allowed_fast_set(info_hash, f"{a}.{b}.{c}.{other}", piece_count)


def test_a_starting_peer_is_granted_its_set_and_served_from_it_while_choked() -> None:
    """The grant is honoured, for pieces of the set alone."""
    bench = Bench(have=WHOLE, choking=True)
    granted = [message.piece for message in sent(bench.say(wire.HaveNone()), wire.AllowedFast)]
    assert granted == allowed_fast_set(bench.metainfo.info_hash, HOST, PIECES)
    other = next(piece for piece in range(PIECES) if piece not in granted)
    effects = bench.say(wire.Interested(), wire.Request(granted[0], 0, BLOCK), wire.Request(other, 0, BLOCK))
    assert sent(effects, wire.Reject) == [wire.Reject(other, 0, BLOCK)]
    assert bench.take_uploads() == [wire.Request(granted[0], 0, BLOCK)]


def test_a_grant_is_used_up() -> None:
    """A choked peer cannot draw the same pieces for ever: each granted byte is served once."""
    bench = Bench(have=WHOLE, choking=True)
    granted = [message.piece for message in sent(bench.say(wire.HaveNone()), wire.AllowedFast)]
    effects = bench.say(*[wire.Request(piece, 0, BLOCK) for _ in range(3) for piece in granted])
    assert len(bench.take_uploads()) == SET_SIZE
    assert len(sent(effects, wire.Reject)) == 2 * SET_SIZE


@pytest.mark.parametrize("message", [wire.HaveAll(), wire.Bitfield(b"\xff\xf0\x00\x00\x00")])
def test_a_peer_that_has_enough_is_granted_nothing(message: Message) -> None:
    """Who has pieces to trade needs no start."""
    assert sent(Bench(have=WHOLE).say(message), wire.AllowedFast) == []


def test_allowed_pieces_are_asked_for_while_choked() -> None:
    """Of the pieces that the peer allows, those that it has – and nothing else – are requested before any unchoke."""
    bench = Bench()
    effects = bench.say(wire.Bitfield(b"\xf0\x00\x00\x00\x00"), wire.AllowedFast(2), wire.AllowedFast(30))
    assert [request.piece for request in sent(effects, wire.Request)] == [2]


def test_a_choke_leaves_allowed_requests_standing() -> None:
    """Under BEP 6 a choke rejects nothing by itself: what the peer will not send it rejects by name."""
    bench = Bench()
    effects = bench.say(wire.HaveAll(), wire.Unchoke())
    asked = sent(effects, wire.Request)
    effects = bench.say(wire.Choke(), *[wire.Reject(one.piece, one.begin, one.length) for one in asked])
    assert not closed(effects)
    assert sent(effects, wire.Request) == []


def test_a_rejected_block_is_not_asked_again_at_once() -> None:
    """A peer that rejects without choking is asked for other pieces, and for this one again only later."""
    bench = Bench()
    effects = bench.say(wire.Bitfield(b"\x80\x00\x00\x00\x00"), wire.Unchoke())
    assert sent(effects, wire.Request) == [wire.Request(0, 0, BLOCK)]
    assert sent(bench.say(wire.Reject(0, 0, BLOCK)), wire.Request) == []
    bench.node.tick(11.0)
    assert sent(bench.node.take_effects(), wire.Request) == [wire.Request(0, 0, BLOCK)]


def test_a_suggestion_breaks_ties_only() -> None:
    """Among equally rare pieces the suggested one comes first; a common piece does not become rare by suggestion."""
    bench = Bench()
    bench.connect(3, b"-XX0000-has-piece-20", "10.0.0.3", True)
    bench.node.received(3, [wire.HaveNone(), wire.Have(20)], 0.5)
    bench.node.take_effects()
    effects = bench.say(wire.HaveAll(), wire.Suggest(20), wire.Suggest(33), wire.Unchoke())
    pieces = [request.piece for request in sent(effects, wire.Request)]
    assert pieces[0] == 33
    assert 20 not in pieces


@pytest.mark.parametrize(
    "said",
    [
        [wire.HaveNone(), wire.HaveNone()],
        [wire.HaveAll(), wire.HaveNone()],
        [wire.Interested(), wire.HaveNone()],
        [wire.HaveNone(), wire.Suggest(PIECES)],
        [wire.HaveNone(), wire.AllowedFast(PIECES)],
    ],
)
def test_nothing_is_said_first_or_not_at_all(said: list[Message]) -> None:
    """HaveNone later on, and pieces that do not exist, close the connection."""
    assert closed(Bench().say(*said))


def test_a_later_bitfield_counts_as_so_many_haves() -> None:
    """aria2 sends one in mid-transfer where that is shorter; what it said before still holds."""
    bench = Bench()
    effects = bench.say(wire.HaveNone(), wire.Interested(), wire.Have(39), wire.Bitfield(b"\xc0\x00\x00\x00\x00"))
    assert not closed(effects)
    assert bench.node.swarm.connections[1].have == 1 << 39 | 0b11
    assert not closed(bench.say(wire.HaveAll()))
    assert bench.node.swarm.connections[1].have == WHOLE


def test_extensions_may_be_negotiated_before() -> None:
    """Clients send extension handshakes and ports before they say what they have."""
    assert not closed(Bench().say(wire.KeepAlive(), wire.Extended(0, b"de"), wire.Port(1), wire.HaveAll()))


@pytest.mark.parametrize(
    "message",
    [wire.HaveAll(), wire.HaveNone(), wire.Suggest(0), wire.AllowedFast(0), wire.Reject(0, 0, BLOCK)],
)
def test_fast_messages_without_the_extension_close(message: Message) -> None:
    """BEP 6 demands it."""
    assert closed(Bench(fast=False).say(message))


def test_a_choke_drops_the_requests_of_a_peer_without_the_extension() -> None:
    """BEP 3: silence is the answer, and blocks are not sent."""
    bench = Bench(have=WHOLE, fast=False)
    bench.say(wire.Interested(), wire.Request(0, 0, BLOCK))
    peer = bench.node.swarm.connections[1]
    bench.node.swarm.uploader.choke(peer)
    assert bench.take_uploads() == []
    assert sent(bench.node.take_effects(), wire.Reject) == []


steps = st.lists(
    st.one_of(
        st.builds(wire.Request, st.integers(0, PIECES - 1), st.sampled_from([0, 8192]), st.sampled_from([1, 8192])),
        st.builds(wire.Cancel, st.integers(0, PIECES - 1), st.sampled_from([0, 8192]), st.sampled_from([1, 8192])),
        st.sampled_from([wire.Interested(), wire.NotInterested(), wire.Have(3)]),
        st.just("upload"),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps, st.integers(0, WHOLE))
def test_each_request_gets_exactly_one_reply(said: list, have: int) -> None:
    """Whatever a fast peer asks, cancels and wants: in the end, blocks and rejects are its requests, each once."""
    bench = Bench(have=have)
    asked: Counter[wire.Request] = Counter()
    replies: Counter[wire.Request] = Counter()
    for step in [wire.HaveNone(), *said, wire.NotInterested()]:
        if step == "upload":
            replies.update(bench.take_uploads(1))
            continue
        asked.update([step] if isinstance(step, wire.Request) else [])
        effects = bench.say(step)
        assert not closed(effects)
        replies.update(wire.Request(no.piece, no.begin, no.length) for no in sent(effects, wire.Reject))
    replies.update(bench.take_uploads())
    assert replies == asked


def test_choked_starters_begin_with_what_they_are_allowed() -> None:
    """In a swarm with one slot a peer gets its first pieces without waiting for its turn."""
    network = Network(CONTENT, BLOCK, seed=2, settings=SwarmSettings(slots=1, thrifty_seed=False))
    network.add(CONTENT).start()
    leeches = [network.add() for _ in range(4)]
    for peer in leeches:
        peer.start()
    network.run(0.5)
    assert all(peer.node.tally().downloaded > 0 for peer in leeches)
