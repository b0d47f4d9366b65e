"""One core against a peer that breaks the rules: it is closed, with the reason, and nobody else suffers."""

from __future__ import annotations

from random import Random

import pytest

from p2p_node.boundary import Close, Effect, Send, Store
from p2p_node.core.admission import HANDSHAKE_S
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Message
from p2p_node.wire.metainfo import Metainfo
from tests.network import make_torrent

CONTENT = bytes(range(256)) * 400  # 102,400 bytes: 4 pieces of 32 KiB, the last shorter
OWN_ID = b"-SB0100-own-own-own-"
PEER_ID = b"-XX0000-somebodyelse"


class Bench:
    """One core and one scripted peer."""

    def __init__(self, have: int = 0, fast: bool = True) -> None:
        self.metainfo: Metainfo = make_torrent(CONTENT, 32768)
        self.node = Node(self.metainfo, OWN_ID, ("10.0.0.1", 6881), have, SwarmSettings(), Random(1), 0.0)
        self.node.connected(1, ("10.0.0.2", 50000), False, 0.0)
        self.node.shaken_hands(1, Handshake(self.metainfo.info_hash, PEER_ID, fast=fast), 0.0)
        self.node.take_effects()

    def say(self, *said: Message) -> list[Effect]:
        self.node.received(1, said, 1.0)
        return self.node.take_effects()


def sent(effects: list[Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def closed(effects: list[Effect]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, Close)]


@pytest.mark.parametrize(
    "message",
    [
        wire.Have(4),
        wire.Bitfield(b""),
        wire.Bitfield(b"\xff"),
        wire.Bitfield(b"\x00\x00"),
        wire.Request(4, 0, 16384),
        wire.Request(0, 0, 0),
        wire.Request(0, 32768, 1),
        wire.Request(0, 20000, 16384),
        wire.Request(0, 0, 1 << 30),
        wire.Piece(0, 0, bytes(16384)),
        wire.Reject(0, 0, 16384),
    ],
)
def test_impossible_messages_close_the_connection(message: Message) -> None:
    """Indices out of range, wrong bitfields, blocks past the end, and answers to questions never asked."""
    effects = Bench(have=0b1111).say(wire.Interested(), message)
    assert len(closed(effects)) == 1
    assert not any(isinstance(effect, Store) for effect in effects)


def test_a_block_of_the_wrong_size_closes_the_connection() -> None:
    """A requested block must have exactly the length that was asked for."""
    bench = Bench()
    effects = bench.say(wire.HaveAll(), wire.Unchoke())
    request = next(message for message in sent(effects) if isinstance(message, wire.Requests))
    effects = bench.say(wire.Piece(request.piece, request.begin, bytes(request.length - 1)))
    assert closed(effects)


def test_a_block_of_the_wrong_size_is_asked_for_again() -> None:
    """Of whoever comes next, like all others that the offender was asked for."""
    bench = Bench()
    effects = bench.say(wire.HaveAll(), wire.Unchoke())
    request = next(message for message in sent(effects) if isinstance(message, wire.Requests))
    bench.say(wire.Piece(request.piece, request.begin, bytes(request.length - 1)))
    bench.node.connected(2, ("10.0.0.3", 50000), False, 1.0)
    bench.node.shaken_hands(2, Handshake(bench.metainfo.info_hash, b"-XX0000-someoneother"), 1.0)
    bench.node.received(2, [wire.HaveAll(), wire.Unchoke()], 1.0)
    asked = [message for message in sent(bench.node.take_effects()) if isinstance(message, wire.Requests)]
    assert request in asked


def test_requests_of_a_choked_peer_are_rejected_by_name() -> None:
    """With the fast extension each request gets exactly one reply."""
    request = wire.Request(0, 0, 16384)
    assert sent(Bench(have=0b1111).say(request)) == [wire.Reject(0, 0, 16384)]


def test_requests_of_a_choked_peer_without_the_extension_get_silence() -> None:
    """BEP 3 knows no reject."""
    assert sent(Bench(have=0b1111, fast=False).say(wire.Request(0, 0, 16384))) == []


def test_a_request_for_a_piece_not_here_is_rejected() -> None:
    """What this node does not have it does not promise."""
    effects = Bench(have=0b0001).say(wire.Interested(), wire.Request(2, 0, 16384))
    assert wire.Reject(2, 0, 16384) in sent(effects)


def test_a_cancelled_block_is_wasted_not_unsolicited() -> None:
    """A block that was given up when the peer choked us may still arrive; it is dropped, not punished."""
    bench = Bench(fast=False)
    effects = bench.say(wire.Bitfield(b"\xf0"), wire.Unchoke())
    request = next(message for message in sent(effects) if isinstance(message, wire.Requests))
    bench.say(wire.Choke())
    effects = bench.say(wire.Piece(request.piece, request.begin, bytes(request.length)))
    assert not closed(effects)


def test_a_block_given_up_and_asked_for_anew_may_come_twice() -> None:
    """A peer that did not see the choke's end as we did answers both requests; the second copy is waste, no offence."""
    bench = Bench(fast=False)
    effects = bench.say(wire.Bitfield(b"\xf0"), wire.Unchoke())
    request = next(message for message in sent(effects) if isinstance(message, wire.Requests))
    bench.say(wire.Choke())
    assert request in sent(bench.say(wire.Unchoke()))
    block = wire.Piece(request.piece, request.begin, bytes(request.length))
    assert not closed(bench.say(block))
    assert not closed(bench.say(block))
    assert closed(bench.say(block))


def test_a_connection_to_itself_is_closed() -> None:
    """A node that dialled its own address finds its own peer id."""
    bench = Bench()
    bench.node.connected(2, ("10.0.0.1", 50001), False, 0.0)
    bench.node.shaken_hands(2, Handshake(bench.metainfo.info_hash, OWN_ID), 0.0)
    assert closed(bench.node.take_effects()) == ["is this node itself"]


def test_a_second_connection_of_one_peer_is_closed() -> None:
    """A peer counts once, however often it connects."""
    bench = Bench()
    bench.node.connected(2, ("10.0.0.2", 50001), False, 0.0)
    bench.node.shaken_hands(2, Handshake(bench.metainfo.info_hash, PEER_ID), 0.0)
    assert closed(bench.node.take_effects()) == ["is connected already"]


def test_two_peers_that_dial_each_other_keep_the_same_connection() -> None:
    """Both ends keep the connection that the greater peer id dialled, whichever handshake comes first."""
    for own_is_greater in (True, False):
        other_id = b"-AA0000-............" if own_is_greater else b"-ZZ0000-............"
        bench = Bench()
        bench.node.connected(2, ("10.0.0.3", 50002), False, 0.0)
        bench.node.connected(3, ("10.0.0.3", 6881), True, 0.0)
        shake = Handshake(bench.metainfo.info_hash, other_id)
        bench.node.shaken_hands(2, shake, 0.0)
        bench.node.shaken_hands(3, shake, 0.0)
        assert (3 in bench.node.swarm.connections) == own_is_greater
        assert (2 in bench.node.swarm.connections) != own_is_greater


def test_another_torrent_is_refused() -> None:
    """A handshake for a torrent that is not here ends the connection."""
    bench = Bench()
    bench.node.connected(2, ("10.0.0.4", 1), False, 0.0)
    bench.node.shaken_hands(2, Handshake(b"?" * 20, PEER_ID), 0.0)
    assert closed(bench.node.take_effects()) == ["asks for another torrent"]


def test_a_peer_that_never_says_who_it_is_is_closed() -> None:
    """Slow handshakes do not hold places for ever."""
    bench = Bench()
    bench.node.connected(2, ("10.0.0.5", 1), False, 0.0)
    bench.node.tick(HANDSHAKE_S + 1)
    assert "no handshake" in closed(bench.node.take_effects())
