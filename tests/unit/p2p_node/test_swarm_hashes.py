"""Merkle hashes in real swarms: v2 magnet links work, and a wrong block costs a block and its sender's connection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from p2p_node.boundary import Close, Effect, HashLeaves, Send, Verify
from p2p_node.core.hash_seeker import ANSWER_S, MAX_ASKED, REST_S
from p2p_node.core.hash_server import LEAF_REQUESTS, MAX_REFUSED
from p2p_node.core.hashes import answer, reject
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.torrent import Version, create_torrent
from p2p_node.wire import merkle
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import BLOCK, Hashes, HashReject, HashRequest
from p2p_node.wire.metainfo import Metainfo, decode_info, decode_metainfo
from tests.network import TRACKER, FakePeer, Network

PIECE = 4 * BLOCK
CONTENT = Random(9).randbytes(600 * PIECE - 3 * BLOCK - 11)


def torrent(directory: Path, version: Version) -> Metainfo:
    path = directory / "item"
    path.write_bytes(CONTENT)
    return replace(decode_metainfo(create_torrent(path, PIECE, version=version)), trackers=((TRACKER,),))


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> Metainfo:
    return torrent(tmp_path_factory.mktemp("v2"), Version.V2)


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Metainfo:
    return torrent(tmp_path_factory.mktemp("hybrid"), Version.HYBRID)


def run(network: Network, leeches: list[FakePeer]) -> None:
    for peer in network.peers:
        peer.start()
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in leeches))
    for peer in leeches:
        assert bytes(peer.content) == CONTENT


def test_a_v2_magnet_link_is_enough(v2: Metainfo) -> None:
    """The info dictionary, then the piece layers, then the pieces; every peer can serve the layers once it has them."""
    network = Network(CONTENT, PIECE, metainfo=v2)
    network.add(CONTENT, block_s=0.0002)
    magnet = Magnet(info_hash_v2=v2.info_hash_v2, trackers=(TRACKER,))
    run(network, [network.add(block_s=0.0002, magnet=magnet) for _ in range(3)])


def test_a_liar_costs_little_and_nobody_else_is_blamed(v2: Metainfo) -> None:
    """One of four peers sends wrong blocks: it is expelled for the first, and hardly anything is lost."""
    network = Network(CONTENT, PIECE, settings=SwarmSettings(thrifty_seed=False), metainfo=v2)
    honest = [network.add(CONTENT, block_s=0.002) for _ in range(3)]
    liar = network.add(CONTENT, block_s=0.002, lies=True)
    liar.lies_about = lambda request: request.begin == BLOCK
    leech = network.add(block_s=0.002)
    run(network, [leech])
    assert isinstance(leech.node, Node)
    tally, trust = leech.node.tally(), leech.node.swarm.downloader.picker.trust
    assert tally.hash_failures > 0 and tally.wasted <= 2 * PIECE
    assert any(reason.startswith("sent blocks of piece") for reason in leech.closed)
    assert trust.is_banned(liar.address) and not any(trust.is_banned(peer.address) for peer in honest)


class Bench:
    """One core and scripted peers, each a seed of the torrent that unchokes us; 2.0 s into the run."""

    def __init__(self, metainfo: Metainfo, peers: int, have: int = 0) -> None:
        self.metainfo = metainfo
        self.now = 2.0
        self.node = Node(metainfo, b"-SB0100-own-own-own-", ("10.0.0.1", 1), have, SwarmSettings(), Random(1), 0.0)
        self.effects: list[Effect] = []
        name = metainfo.info_hashes[-1]
        for number in range(1, peers + 1):
            self.node.connected(number, (f"10.0.1.{number}", 1), False, self.now)
            self.node.shaken_hands(number, Handshake(name, b"-XX0000-%012d" % number), self.now)
            self.say(number, *[wire.HaveNone()] if have else [wire.HaveAll(), wire.Unchoke()])

    def say(self, number: int, *said: wire.Message) -> None:
        self.node.received(number, said, self.now)
        self.effects += self.node.take_effects()

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.node.tick(self.now)
        self.effects += self.node.take_effects()

    def take(self, kind: type) -> list:
        """What was sent of this kind of message, as (connection, message), or done of this kind of effect."""
        found = [e for e in self.effects if isinstance(e, kind) or (isinstance(e, Send) and type(e.message) is kind)]
        self.effects = [effect for effect in self.effects if effect not in found]
        return [(effect.connection, effect.message) if isinstance(effect, Send) else effect for effect in found]

    def hash(self, pieces: range) -> None:
        """Answer a `HashLeaves` by the right content."""
        data = CONTENT[pieces.start * PIECE : pieces.stop * PIECE]
        self.node.leaves_hashed(merkle.leaves(data), self.now)
        self.effects += self.node.take_effects()

    def fail(self, piece: int, senders: dict[int, int], wrong: int) -> None:
        """A piece comes, block b from the peer senders[b], the block `wrong` with wrong content."""
        for block, number in senders.items():
            self._ask_for(piece, block, number)
            self.say(number, wire.Piece(piece, block * BLOCK, bytes(BLOCK)))
        assert [effect.piece for effect in self.take(Verify)] == [piece]
        self.node.piece_verified(piece, False, self.now)
        self.effects += self.node.take_effects()
        (order,) = self.take(HashLeaves)
        assert order.pieces == range(piece, piece + 1)
        data = bytearray(CONTENT[piece * PIECE : (piece + 1) * PIECE])
        data[wrong * BLOCK] ^= 1
        self.node.leaves_hashed(merkle.leaves(data), self.now)
        self.effects += self.node.take_effects()

    def _ask_for(self, piece: int, block: int, number: int) -> None:
        downloader = self.node.swarm.downloader
        downloader.picker.partials.get(piece) or downloader.picker.claim(piece, ("10.0.1.1", 1))
        peer = self.node.swarm.connections[number]
        if not peer.pending.among(piece, 1 << block):
            downloader._request(peer, piece, range(block, block + 1), BLOCK, self.now)


def test_layers_are_asked_of_several_peers_and_again_of_others(v2: Metainfo) -> None:
    """A peer that rejects, or is late, is passed over for a while; a late answer is no misbehaviour."""
    bench = Bench(decode_info(v2.raw_info), 2)
    first, second = bench.take(HashRequest)
    assert first[1] != second[1] and {number for number, _ in (first, second)} == {1}
    bench.say(1, reject(first[1]))
    assert bench.take(HashRequest) == [(2, first[1])]
    bench.tick(ANSWER_S)
    assert not bench.take(wire.Requests), "blocks that cannot be verified are not asked for"
    bench.say(1, answer(v2, second[1]))
    assert not bench.take(Close)
    bench.tick(REST_S)
    asked = bench.take(HashRequest)
    assert {request for _, request in asked} == {first[1], second[1]} and len(asked) <= 2 * MAX_ASKED
    for number, request in asked:
        bench.say(number, answer(v2, request))
    assert bench.take(wire.Requests), "now that they can"


def test_wrong_layers_close_their_sender_and_come_from_another(v2: Metainfo) -> None:
    """What was asked of it is asked elsewhere at once."""
    bench = Bench(decode_info(v2.raw_info), 2)
    (number, request), *_ = bench.take(HashRequest)
    right = answer(v2, request)
    assert isinstance(right, Hashes)
    bench.say(number, Hashes(*_fields(request), bytes(len(right.hashes))))
    assert [close.connection for close in bench.take(Close)] == [1]
    assert request in [asked for number, asked in bench.take(HashRequest) if number == 2]


def test_hashes_that_nobody_asked_for_close_the_connection(v2: Metainfo) -> None:
    """They could only be meant to cost us time."""
    bench = Bench(v2, 1)
    bench.say(1, Hashes(next(iter(v2.layers.all())) if v2.layers else b"", 2, 0, 2, 0, bytes(64)))
    assert [close.reason for close in bench.take(Close)] == ["hashes that were not asked for"]


def test_exactly_the_wrong_blocks_and_their_sender_are_blamed(v2: Metainfo) -> None:
    """Of a piece from two peers, the three right blocks stay, whoever sent them."""
    bench = Bench(v2, 3)
    bench.fail(7, {0: 1, 1: 2, 2: 1, 3: 2}, wrong=2)
    ((number, request),) = bench.take(HashRequest)
    assert (request.base, request.index, request.length) == (0, 7 * 4, 4)
    bench.say(number, answer(v2, request, merkle.leaves(CONTENT[7 * PIECE : 8 * PIECE])))
    assert [(close.connection, close.reason) for close in bench.take(Close)] == [
        (1, "sent blocks of piece 7 that are wrong")
    ]
    tally = bench.node.tally()
    assert (tally.wasted, tally.hash_failures) == (BLOCK, 1)
    partial = bench.node.swarm.downloader.picker.partials[7]
    assert partial.missing == 1 << 2
    bench.node.disconnected(1, bench.now)
    bench._ask_for(7, 2, 3)
    bench.say(3, wire.Piece(7, 2 * BLOCK, bytes(BLOCK)))
    assert [effect.piece for effect in bench.take(Verify)] == [7]
    bench.node.piece_verified(7, True, bench.now)
    assert bench.node.tally().served == {("10.0.1.1", 1): BLOCK, ("10.0.1.2", 1): 2 * BLOCK, ("10.0.1.3", 1): BLOCK}


def test_a_piece_nobody_can_tell_about_is_given_up_whole(v2: Metainfo) -> None:
    """When every peer has refused; the peers that sent it are then on parole, as in version 1."""
    bench = Bench(v2, 2)
    bench.fail(7, {0: 1, 1: 2, 2: 1, 3: 2}, wrong=2)
    for _ in range(2):
        ((number, request),) = bench.take(HashRequest)
        bench.say(number, reject(request))
    assert not bench.take(HashRequest) and not bench.take(Close)
    assert bench.node.tally().wasted == PIECE
    trust = bench.node.swarm.downloader.picker.trust
    assert trust.on_parole(("10.0.1.1", 1)) and trust.on_parole(("10.0.1.2", 1))


def test_leaf_hashes_are_served_one_reading_at_a_time_and_not_without_end(v2: Metainfo) -> None:
    """What is asked while a reading is under way, or of pieces not here, or too often, is rejected; then comes the
    end."""
    everything = (1 << v2.piece_count) - 1
    bench = Bench(v2, 2, have=everything & ~1)
    root = next(iter(v2.layers.all())) if v2.layers else b""
    wanted = HashRequest(root, 0, 8, 8, 0)
    bench.say(1, wanted, wanted, HashRequest(root, 0, 0, 8, 0))
    assert [(number, type(reply)) for number, reply in bench.take(HashReject)] == [(1, HashReject)] * 2
    bench.say(2, wanted)
    (order,) = bench.take(HashLeaves)
    bench.hash(order.pieces)
    assert bench.take(Hashes) == [(1, answer(v2, wanted, merkle.leaves(CONTENT[2 * PIECE : 4 * PIECE])))]
    (order,) = bench.take(HashLeaves)
    bench.node.disconnected(2, bench.now)
    bench.hash(order.pieces)
    assert not bench.take(Hashes)
    bench.say(1, *[wanted] * (LEAF_REQUESTS + MAX_REFUSED))
    assert [close.reason for close in bench.take(Close)] == ["floods with hash requests"]


def test_leaves_that_cannot_be_read_are_rejected(v2: Metainfo) -> None:
    """The file is gone, say; the peer is told so."""
    bench = Bench(v2, 1, have=(1 << v2.piece_count) - 1)
    wanted = HashRequest(next(iter(v2.layers.all())) if v2.layers else b"", 0, 8, 8, 0)
    bench.say(1, wanted)
    bench.node.leaves_hashed((), bench.now)
    bench.effects += bench.node.take_effects()
    assert bench.take(HashReject) == [(1, reject(wanted))]


@pytest.mark.parametrize("name", [0, 1])
@pytest.mark.parametrize("upgrades", [False, True])
def test_a_hybrid_goes_by_two_names(hybrid: Metainfo, name: int, upgrades: bool) -> None:
    """Who dials under the old name and knows version 2 is answered with the new one, and asked for hashes."""
    node = Node(
        decode_info(hybrid.raw_info), b"-SB0100-own-own-own-", ("10.0.0.1", 1), 0, SwarmSettings(), Random(1), 0.0
    )
    node.connected(1, ("10.0.0.2", 1), False, 0.0)
    node.shaken_hands(1, Handshake(hybrid.info_hashes[name], b"-XX0000-somebodyelse", v2=upgrades), 0.0)
    (shake,) = [e.message for e in node.take_effects() if isinstance(e, Send) and isinstance(e.message, Handshake)]
    new = bool(name) or upgrades
    assert (shake.info_hash, shake.v2) == (hybrid.info_hashes[1 if new else 0], True)
    node.received(1, [wire.HaveAll(), wire.Unchoke()], 0.1)
    sent = [effect.message for effect in node.take_effects() if isinstance(effect, Send)]
    assert any(isinstance(message, HashRequest) for message in sent) is new
    assert any(isinstance(message, wire.Requests | wire.Request) for message in sent), "SHA-1 is enough to begin"


def _fields(request: HashRequest) -> tuple[bytes, int, int, int, int]:
    return request.root, request.base, request.index, request.length, request.proof
