"""Metadata from peers: magnet links work in real swarms, and lies about metadata come to nothing."""

from __future__ import annotations

import hashlib
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from network import TRACKER, Network
from scripted import ScriptedPeers

from p2p_node.boundary import Close, Learned
from p2p_node.core.metadata import ANSWER_S, MAX_COPIES, MAX_REFUSED, REST_S, MetadataFetcher
from p2p_node.wire.extension import OWN_NUMBERS, Extension, ExtensionHandshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import Extended
from p2p_node.wire.metadata import (
    MAX_METADATA,
    PART,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    decode_metadata,
    encode_metadata,
    part_count,
)

CONTENT = bytes(range(256)) * 800
RAW = Random(1).randbytes(3 * PART + 100)
MAGNET = Magnet(info_hash_v1=hashlib.sha1(RAW).digest(), info_hash_v2=hashlib.sha256(RAW).digest())


def part_of(raw: bytes, part: int) -> MetadataData:
    return MetadataData(part, len(raw), raw[part * PART : (part + 1) * PART])


def fetch(fetcher: MetadataFetcher, answers: dict[int, bytes | None], until: float = 300.0) -> float:
    """Let each peer answer with parts of these bytes, None: not at all; returns when it was done."""
    now, gone = 0.0, set()
    while fetcher.raw_info is None and now < until:
        for peer, request in fetcher.ask(now):
            raw = answers[peer]
            if raw is not None and peer not in gone:
                fetcher.received(peer, part_of(raw, request.part), now)
        gone |= {peer for peer, _ in fetcher.useless}
        timer = fetcher.timer
        now = now + 0.01 if timer is None else max(timer, now + 0.01)
    return now


def test_a_magnet_link_is_all_a_peer_needs() -> None:
    """Metadata from the swarm, then the content, by a tracker."""
    network = Network(CONTENT, 16384)
    network.add(CONTENT).start()
    network.add().start()
    magnet = Magnet(info_hash_v1=network.metainfo.info_hash, trackers=(TRACKER,))
    peer = network.add(magnet=magnet)
    peer.start()
    network.run(600.0, lambda: peer.completed_at is not None)
    assert peer.learned == network.metainfo.raw_info
    assert bytes(peer.content) == CONTENT


def test_a_peer_in_the_link_is_enough() -> None:
    """Without a tracker: x.pe names one leech, gossip does the rest, and peers that seek find each other's peers."""
    network = Network(CONTENT, 16384, trackers=())
    seed = network.add(CONTENT)
    leech = network.add()
    seed.start()
    leech.start()
    leech.node.learn([seed.address], 0.0)
    leech.perform()
    magnet = Magnet(info_hash_v1=network.metainfo.info_hash, peers=(leech.address,))
    seekers = [network.add(magnet=magnet) for _ in range(3)]
    for peer in seekers:
        network.at(0.2, peer.start)
    network.run(600.0, lambda: all(peer.completed_at is not None for peer in seekers))
    assert all(bytes(peer.content) == CONTENT for peer in seekers)


@settings(max_examples=60)
@given(
    liars=st.lists(st.sampled_from(["other bytes", "other size", "silence", "half"]), max_size=4),
    honest=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_liars_do_not_keep_the_metadata_from_a_peer(liars: list[str], honest: int, seed: int) -> None:
    """Whatever mix of peers answers wrongly or not at all, one honest peer is enough, in bounded time."""
    wrong = bytes(len(RAW))
    lies: dict[str, bytes | None] = {
        "other bytes": wrong,
        "other size": wrong[:-50],
        "silence": None,
        "half": RAW[: 2 * PART] + wrong[2 * PART :],
    }
    answers = [lies[liar] for liar in liars] + [RAW] * honest
    Random(seed).shuffle(answers)
    fetcher = MetadataFetcher(MAGNET)
    for peer, raw in enumerate(answers):
        fetcher.joined(peer, len(RAW if raw is None else raw))
    assert fetch(fetcher, dict(enumerate(answers))) < 120.0
    assert fetcher.raw_info == RAW


def test_both_hashes_of_a_hybrid_link_must_hold() -> None:
    """Bytes that fit only the first are refused."""
    magnet = Magnet(info_hash_v1=hashlib.sha1(RAW).digest(), info_hash_v2=bytes(32))
    fetcher = MetadataFetcher(magnet)
    fetcher.joined(1, len(RAW))
    fetch(fetcher, {1: RAW}, until=30.0)
    assert fetcher.raw_info is None
    assert fetcher.useless == [(1, "sent metadata that is wrong")]


def test_several_peers_are_asked_in_parallel_but_few_for_the_same_part() -> None:
    """Parts are spread; when all are asked for, idle peers are asked too, up to MAX_COPIES for a part."""
    fetcher = MetadataFetcher(MAGNET)
    for peer in range(10):
        fetcher.joined(peer, len(RAW))
    asked = fetcher.ask(0.0)
    parts = part_count(len(RAW))
    assert len({peer for peer, _ in asked}) > 1
    assert {request.part for _, request in asked} == set(range(parts))
    assert len(asked) == MAX_COPIES * parts


def test_a_part_that_does_not_come_is_asked_of_another_and_may_still_come() -> None:
    """A slow peer's late answer counts."""
    fetcher = MetadataFetcher(MAGNET)
    fetcher.joined(1, len(RAW))
    asked = fetcher.ask(0.0)
    assert fetcher.ask(ANSWER_S) == []
    for _, request in asked:
        fetcher.received(1, part_of(RAW, request.part), ANSWER_S + 1)
    assert fetcher.raw_info == RAW


def test_a_peer_that_refuses_is_asked_again_later_and_then_given_up() -> None:
    """It may be fetching the metadata itself; refusing all parts at once counts as one refusal."""
    fetcher = MetadataFetcher(MAGNET)
    fetcher.joined(1, len(RAW))
    now, rounds = 0.0, 0
    while not fetcher.useless:
        requests = fetcher.ask(now)
        rounds += bool(requests)
        for _, request in requests:
            fetcher.received(1, MetadataReject(request.part), now)
        now += REST_S
    assert (rounds, fetcher.useless) == (3, [(1, "will not send metadata")])


def test_absurd_sizes_are_not_believed() -> None:
    """Nothing is asked of a peer that claims gigabytes, and memory for many large claims is bounded."""
    fetcher = MetadataFetcher(MAGNET)
    fetcher.joined(1, MAX_METADATA + 1)
    assert [peer for peer, _ in fetcher.useless] == [1]
    for peer in range(2, 40):
        fetcher.joined(peer, MAX_METADATA - peer)
    assert len({peer for peer, _ in fetcher.ask(0.0)}) == 2


def seeker() -> ScriptedPeers:
    bench = ScriptedPeers(CONTENT)
    magnet = Magnet(info_hash_v1=bench.metainfo.info_hash)
    return ScriptedPeers(CONTENT, magnet=magnet)


def test_the_dictionary_is_learned_once_from_whoever_has_it() -> None:
    """Requests use the number that the peer chose; what comes after the end is ignored."""
    bench = seeker()
    raw = bench.metainfo.raw_info
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 77}, metadata_size=len(raw)).encode()))
    asked = [message for message in bench.extended(1) if message.number]
    assert [(message.number, decode_metadata(message.payload)) for message in asked] == [(77, MetadataRequest(0))]
    answer = Extended(OWN_NUMBERS[Extension.METADATA], encode_metadata(part_of(raw, 0)))
    bench.say(1, answer, answer)
    assert [effect.raw_info for effect in bench.take(Learned)] == [raw]
    assert bench.take(Close) == []


def test_a_seeker_sleeps_once_it_has_what_it_sought() -> None:
    """Parts asked of other peers that never come are no reason to wake up."""
    bench = seeker()
    raw = bench.metainfo.raw_info
    for connection in (1, 2):
        bench.connect(connection, f"10.0.1.{connection}")
        greeting = ExtensionHandshake({Extension.METADATA: 1}, metadata_size=len(raw))
        bench.say(connection, Extended(0, greeting.encode()))
    bench.say(1, Extended(OWN_NUMBERS[Extension.METADATA], encode_metadata(part_of(raw, 0))))
    for _ in range(20):
        before = bench.now
        bench.tick(bench.node.timer)
        assert bench.node.timer > before


def test_a_seeker_closes_liars_and_peers_that_cannot_help() -> None:
    """Wrong metadata, another torrent, and no extension protocol end a connection with the reason."""
    bench = seeker()
    raw = bytes(len(bench.metainfo.raw_info))
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 1}, metadata_size=len(raw)).encode()))
    bench.say(1, Extended(OWN_NUMBERS[Extension.METADATA], encode_metadata(part_of(raw, 0))))
    assert [effect.reason for effect in bench.take(Close)] == ["sent metadata that is wrong"]


def test_a_peer_that_switches_metadata_off_is_asked_no_more() -> None:
    """Its number would be 0, which is the handshake's."""
    bench = seeker()
    bench.connect(1, "10.0.1.1")
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 1}, metadata_size=100_000).encode()))
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 0}).encode()))
    bench.extended(1)
    bench.tick(2 * ANSWER_S)
    assert bench.extended(1) == []


def ask(bench: ScriptedPeers, part: int) -> list[object]:
    bench.say(1, Extended(OWN_NUMBERS[Extension.METADATA], encode_metadata(MetadataRequest(part))))
    return [decode_metadata(message.payload) for message in bench.extended(1) if message.number]


def test_a_node_serves_its_metadata_a_bounded_number_of_times() -> None:
    """Parts that exist are sent, others rejected; a flood is rejected, and closed when it does not end."""
    bench = ScriptedPeers(CONTENT, complete=True)
    raw = bench.metainfo.raw_info
    bench.connect(1, "10.0.1.1")
    greeting = ExtensionHandshake.decode(bench.extended(1)[0].payload)
    assert greeting.metadata_size == len(raw)
    bench.say(1, Extended(0, ExtensionHandshake({Extension.METADATA: 5}).encode()))
    assert ask(bench, 0) == [part_of(raw, 0)]
    assert ask(bench, 1) == [MetadataReject(1)]
    assert ask(bench, 0) == [MetadataReject(0)]
    for _ in range(MAX_REFUSED):
        ask(bench, 0)
    assert [effect.reason for effect in bench.take(Close)] == ["floods with metadata requests"]
