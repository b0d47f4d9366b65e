"""The extension protocol between nodes: queue depths, upload_only, and pieces that are lost."""

from __future__ import annotations

import pytest
from network import Network
from scripted import ScriptedPeers

from p2p_node.boundary import Close, Send
from p2p_node.core.connection import DEFAULT_REQQ
from p2p_node.core.uploader import MAX_UPLOADS
from p2p_node.wire import messages as wire
from p2p_node.wire.extension import OWN_NUMBERS, Extension, ExtensionHandshake
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Extended

CONTENT = bytes(range(256)) * 800


def greeting(bench: ScriptedPeers, connection: int = 1) -> ExtensionHandshake:
    (message,) = bench.extended(connection)
    return ExtensionHandshake.decode(message.payload)


def test_a_greeting_says_what_is_spoken_here() -> None:
    """Names and numbers, the listening port, the queue's depth, and the address that the peer is seen at."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    said = greeting(bench)
    assert said.numbers == OWN_NUMBERS
    assert (said.port, said.reqq, said.your_host, said.upload_only) == (6881, MAX_UPLOADS, "10.0.1.1", False)


def test_a_peer_without_the_extension_protocol_is_not_greeted() -> None:
    """It would not understand."""
    bench = ScriptedPeers(CONTENT)
    bench.node.connected(1, ("10.0.1.1", 5), False, 0.0)
    shake = Handshake(bench.metainfo.info_hash, b"-XX0000-............", extensions=False)
    bench.node.shaken_hands(1, shake, 0.0)
    bench.tick(0.0)
    assert bench.extended(1) == []


@pytest.mark.parametrize("reqq", [1, 3])
def test_a_peer_is_asked_for_no_more_than_it_queues(reqq: int) -> None:
    """`reqq` bounds the requests under way."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake(reqq=reqq).encode()), wire.HaveAll(), wire.Unchoke())
    sent = [effect.message for effect in bench.take(Send)]
    runs = [message.count for message in sent if isinstance(message, wire.Requests)]
    asked = sum(runs) + sum(isinstance(message, wire.Request) for message in sent)
    assert 0 < asked <= reqq


def test_a_peer_that_does_not_say_is_trusted_with_the_usual() -> None:
    """250, what clients queued before they said so."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake().encode()))
    assert bench.node.swarm.connections[1].reqq == DEFAULT_REQQ  # type: ignore[union-attr]


@pytest.mark.parametrize("by_message", [True, False])
def test_a_seed_leaves_peers_that_want_nothing(by_message: bool) -> None:
    """Whether a partial seed says so in its handshake or by libtorrent's message (BEP 21)."""
    bench = ScriptedPeers(CONTENT, complete=True)
    bench.connect(1, "10.0.1.1")
    if by_message:
        bench.say(1, Extended(OWN_NUMBERS[Extension.UPLOAD_ONLY], b"\1"))
    else:
        bench.say(1, Extended(0, ExtensionHandshake(upload_only=True).encode()))
    bench.tick(60.0)
    assert [effect.reason for effect in bench.take(Close)] == ["neither wants anything of the other"]


def test_a_seed_says_that_it_wants_nothing() -> None:
    """In its greeting, also while it keeps to itself what it has."""
    bench = ScriptedPeers(CONTENT, complete=True)
    bench.connect(1, "10.0.1.1")
    assert greeting(bench).upload_only


def test_who_becomes_a_seed_says_that_it_wants_nothing() -> None:
    """To peers that were greeted before: by the message that they chose, or in another greeting."""
    bench = ScriptedPeers(CONTENT[:1000])
    for connection in (1, 2, 3):
        bench.connect(connection, f"10.0.1.{connection}")
    bench.say(1, Extended(0, ExtensionHandshake({Extension.UPLOAD_ONLY: 9}).encode()))
    bench.say(2, Extended(0, ExtensionHandshake({Extension.PEX: 3}).encode()))
    bench.say(3, wire.HaveAll(), wire.Unchoke())
    assert not greeting(bench, 1).upload_only and not greeting(bench, 2).upload_only
    bench.say(3, wire.Blocks(0, 0, [CONTENT[:1000]]))
    bench.node.piece_verified(0, True, bench.now)
    bench.tick(0.0)
    assert bench.extended(1) == [Extended(9, b"\1")]
    assert greeting(bench, 2).upload_only


def test_a_complete_leech_and_its_seed_part() -> None:
    """Two real cores: when nobody wants anything any more, no connection is left."""
    network = Network(CONTENT, 16384)
    seed, leech = network.add(CONTENT), network.add()
    seed.start()
    leech.start()
    network.run(60.0)
    assert leech.completed_at is not None
    assert not seed.links and not leech.links


def test_a_piece_that_a_peer_lost_is_not_asked_of_it() -> None:
    """lt_donthave (BEP 54) takes a HAVE back, and our interest with it."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    bench.say(1, wire.Have(3))
    assert wire.Interested() in [effect.message for effect in bench.take(Send)]
    bench.say(1, Extended(OWN_NUMBERS[Extension.DONT_HAVE], (3).to_bytes(4, "big")), wire.Unchoke())
    sent = [effect.message for effect in bench.take(Send)]
    assert wire.NotInterested() in sent
    assert not any(isinstance(message, wire.Request | wire.Requests) for message in sent)


@pytest.mark.parametrize(
    "message",
    [
        Extended(0, b"not bencoding"),
        Extended(OWN_NUMBERS[Extension.UPLOAD_ONLY], b"12"),
        Extended(OWN_NUMBERS[Extension.DONT_HAVE], b"123"),
        Extended(OWN_NUMBERS[Extension.METADATA], b"le"),
    ],
)
def test_malformed_extension_messages_close_the_connection(message: Extended) -> None:
    """Each extension's payload has its form."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 1}).encode()), message)
    assert len(bench.take(Close)) == 1


def test_numbers_that_were_never_offered_are_ignored() -> None:
    """As BEP 10 asks."""
    bench = ScriptedPeers(CONTENT)
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(99, b"anything"))
    assert bench.take(Close) == []
