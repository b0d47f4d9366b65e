"""KRPC messages: what is read is what was said, and what cannot be meant is refused with the right code."""

from __future__ import annotations

import pytest

from p2p_node.wire.bencoding import encode
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.krpc import (
    MAX_NODES,
    MAX_PEERS,
    AnnouncePeer,
    Answer,
    Fault,
    FindNode,
    GetPeers,
    KrpcError,
    NodeInfo,
    Ping,
    Query,
    Refusal,
    decode,
    encode_answer,
    encode_query,
    encode_refusal,
)

ID = b"abcdefghij0123456789"
OTHER = b"mnopqrstuvwxyz123456"


@pytest.mark.parametrize(
    ("query", "written"),
    [
        (Query(b"aa", ID, Ping()), b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),
        (
            Query(b"aa", ID, FindNode(OTHER)),
            b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
        ),
        (
            Query(b"aa", ID, GetPeers(OTHER)),
            b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
        ),
        (
            Query(b"aa", ID, AnnouncePeer(OTHER, 6881, b"aoeusnth", implied=True)),
            b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e"
            b"5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
        ),
    ],
    ids=["ping", "find_node", "get_peers", "announce_peer"],
)
def test_queries_are_those_of_bep_5(query: Query, written: bytes) -> None:
    """The examples of the specification, byte for byte, both ways."""
    assert encode_query(query) == written
    assert decode(written) == query


def test_the_answer_to_get_peers_is_that_of_bep_5() -> None:
    """The specification's example: peers `axje.u` and `idhtnm`, and a token."""
    written = b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"
    peers = (("97.120.106.101", 0x2E75), ("105.100.104.116", 0x6E6D))
    assert decode(written) == Answer(b"aa", ID, peers=peers, token=b"aoeusnth")
    assert encode_answer(Answer(b"aa", ID, peers=peers, token=b"aoeusnth")) == written


def test_nodes_of_both_families_survive_a_round_trip() -> None:
    """Those of IPv6 travel apart (BEP 32), and the asker is told its address (BEP 42)."""
    nodes = NodeInfo(OTHER, ("10.1.2.3", 6881)), NodeInfo(ID, ("2001:db8::7", 6882))
    answer = Answer(b"aa", ID, nodes=nodes, asker=("10.0.0.9", 1))
    assert decode(encode_answer(answer)) == answer


def test_a_read_only_node_says_so() -> None:
    """BEP 43: in the message itself, beside its arguments."""
    query = Query(b"aa", ID, Ping(), read_only=True)
    assert b"2:roi1e" in encode_query(query)
    assert decode(encode_query(query)) == query


def test_refusals_carry_their_code_and_words() -> None:
    """The specification's example."""
    written = b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"
    assert decode(written) == Refusal(b"aa", 201, "A Generic Error Ocurred")
    assert encode_refusal(Refusal(b"aa", 201, "A Generic Error Ocurred")) == written


@pytest.mark.parametrize(
    ("arguments", "method", "fault"),
    [
        ({b"id": ID}, b"put", Fault.UNKNOWN_METHOD),
        ({b"id": ID[:19]}, b"ping", Fault.PROTOCOL),
        ({}, b"ping", Fault.PROTOCOL),
        ({b"id": ID, b"target": b"short"}, b"find_node", Fault.PROTOCOL),
        ({b"id": ID, b"info_hash": 7}, b"get_peers", Fault.PROTOCOL),
        ({b"id": ID, b"info_hash": OTHER, b"port": 6881}, b"announce_peer", Fault.PROTOCOL),
        ({b"id": ID, b"info_hash": OTHER, b"port": 6881, b"token": b"t" * 65}, b"announce_peer", Fault.PROTOCOL),
        ({b"id": ID, b"info_hash": OTHER, b"port": 0, b"token": b"t"}, b"announce_peer", Fault.PROTOCOL),
        ({b"id": ID, b"info_hash": OTHER, b"port": 65536, b"token": b"t"}, b"announce_peer", Fault.PROTOCOL),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_by_its_code(arguments, method: bytes, fault: Fault) -> None:
    """The transaction is known, so whoever asked hears why."""
    with pytest.raises(KrpcError) as refused:
        decode(encode({b"a": arguments, b"q": method, b"t": b"xy", b"y": b"q"}))
    assert (refused.value.fault, refused.value.transaction) == (fault, b"xy")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"d",
        b"le",
        b"de",
        encode({b"t": b"x" * 21, b"y": b"q", b"q": b"ping", b"a": {b"id": ID}}),
        encode({b"t": b"", b"y": b"q", b"q": b"ping", b"a": {b"id": ID}}),
        encode({b"t": b"aa", b"y": b"z"}),
        encode({b"t": b"aa", b"y": b"r", b"r": []}),
        encode({b"t": b"aa", b"y": b"r", b"r": {b"id": ID, b"nodes": b"n" * 25}}),
        encode({b"t": b"aa", b"y": b"r", b"r": {b"id": ID, b"values": b"v"}}),
        encode({b"t": b"aa", b"y": b"e", b"e": [b"201"]}),
        b"d1:t" + b"l" * 2000 + b"e" * 2000 + b"e",
    ],
)
def test_what_is_no_message_deserves_no_refusal(message: bytes) -> None:
    """Neither a transaction nor a sender can be relied on."""
    with pytest.raises(ProtocolError) as refused:
        decode(message)
    assert not isinstance(refused.value, KrpcError)


def test_long_lists_are_cut() -> None:
    """Nobody makes us read more nodes and peers than anybody needs; ports that cannot be dialled are left out."""
    nodes = b"".join(bytes(18) + number.to_bytes(2, "big") + b"\x0a\x01\x01\x01\x1a\xe1" for number in range(100))
    values = [b"\x0a\x01" + number.to_bytes(2, "big") + b"\x1a\xe1" for number in range(1000)]
    values[0] = b"\x0a\x01\x01\x01\x00\x00"
    answer = decode(encode({b"t": b"aa", b"y": b"r", b"r": {b"id": ID, b"nodes": nodes, b"values": values}}))
    assert isinstance(answer, Answer)
    assert (len(answer.nodes), len(answer.peers)) == (MAX_NODES, MAX_PEERS - 1)
