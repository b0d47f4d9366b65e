"""What nodes of the DHT send each other, to be fuzzed."""

from __future__ import annotations

from random import Random

from p2p_node.wire.address import Address
from p2p_node.wire.krpc import (
    AnnouncePeer,
    Answer,
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
from tests.fuzz.codec import Codec


def _address(rng: Random) -> Address:
    host = f"2001:db8::{rng.randrange(1, 1 << 16):x}" if rng.random() < 0.3 else f"10.0.0.{rng.randrange(256)}"
    return host, rng.randrange(1, 1 << 16)


def _krpc(rng: Random) -> bytes:
    transaction, sender = rng.randbytes(rng.randrange(1, 9)), rng.randbytes(20)
    kind = rng.randrange(3)
    if kind == 0:
        questions = [
            Ping(),
            FindNode(rng.randbytes(20)),
            GetPeers(rng.randbytes(20)),
            AnnouncePeer(rng.randbytes(20), rng.randrange(1, 1 << 16), rng.randbytes(8), rng.random() < 0.5),
        ]
        return encode_query(Query(transaction, sender, rng.choice(questions), rng.random() < 0.3))
    if kind == 1:
        nodes = tuple(NodeInfo(rng.randbytes(20), _address(rng)) for _ in range(rng.randrange(9)))
        peers = tuple(_address(rng) for _ in range(rng.randrange(5)))
        token = rng.choice([None, rng.randbytes(8)])
        return encode_answer(Answer(transaction, sender, nodes, peers, token, rng.choice([None, _address(rng)])))
    return encode_refusal(Refusal(transaction, rng.randrange(201, 205), "no"))


def _check_krpc(data: bytes) -> None:
    try:
        message = decode(data)
    except KrpcError as error:
        decode(encode_refusal(Refusal(error.transaction, error.fault, str(error))))
        raise
    match message:
        case Query():
            assert decode(encode_query(message)) == message
        case Answer():
            again = decode(encode_answer(message))
            assert isinstance(again, Answer)
            assert set(again.nodes) == set(message.nodes) and again.peers == message.peers
            assert (again.sender, again.token, again.asker) == (message.sender, message.token, message.asker)
        case Refusal():
            decode(encode_refusal(message))


DHT_CODECS = (Codec("krpc", _krpc, _check_krpc),)
