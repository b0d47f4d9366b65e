"""Extension messages and magnet links, to be fuzzed."""

from __future__ import annotations

from random import Random

from p2p_node.wire.extension import Extension, ExtensionHandshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metadata import (
    PART,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    decode_metadata,
    encode_metadata,
    part_count,
    part_size,
)
from p2p_node.wire.pex import Gossip
from tests.fuzz.codec import Codec

SHORT_PART = 64
"""Bytes at most of a part that is fuzzed; what is in it is nobody's matter."""


def _handshake(rng: Random) -> bytes:
    return ExtensionHandshake(
        numbers={extension: rng.randrange(256) for extension in Extension if rng.random() < 0.7},
        port=rng.choice([None, rng.randrange(1, 1 << 16)]),
        version=rng.choice([None, "client 1.0"]),
        reqq=rng.choice([None, rng.randrange(1, 1 << 12)]),
        your_host=rng.choice([None, "10.0.0.1", "fd00::1"]),
        metadata_size=rng.choice([None, rng.randrange(1, 1 << 20)]),
        upload_only=rng.choice([None, True, False]),
        run=rng.choice([None, rng.randrange(1, 1 << 21)]),
    ).encode()


def _check_handshake(data: bytes) -> None:
    said = ExtensionHandshake.decode(data)
    assert ExtensionHandshake.decode(said.encode()) == said
    assert all(0 <= number <= 255 for number in said.numbers.values())


def _gossip(rng: Random) -> bytes:
    widths = [rng.choice([6, 18]) for _ in range(rng.randrange(6))]
    added = {rng.randbytes(width): rng.randrange(256) for width in widths}
    return Gossip(added, tuple(rng.randbytes(width) for width in widths)).encode()


def _check_gossip(data: bytes) -> None:
    gossip = Gossip.decode(data)
    again = Gossip.decode(gossip.encode())
    assert again.added == gossip.added and sorted(again.dropped) == sorted(gossip.dropped)


def _metadata(rng: Random) -> bytes:
    part = rng.randrange(4)
    total = part * PART + rng.randrange(1, SHORT_PART)
    data = rng.randbytes(part_size(part, total))
    return encode_metadata(rng.choice([MetadataRequest(part), MetadataReject(part), MetadataData(part, total, data)]))


def _check_metadata(data: bytes) -> None:
    message = decode_metadata(data)
    if isinstance(message, MetadataData):
        assert message.part < part_count(message.total)
    assert message is None or decode_metadata(encode_metadata(message)) == message


def _magnet(rng: Random) -> bytes:
    v1, v2 = rng.choice([(True, False), (False, True), (True, True)])
    return (
        Magnet(
            rng.randbytes(20) if v1 else None,
            rng.randbytes(32) if v2 else None,
            rng.choice([None, "a name", "ü & ?"]),
            ("http://t/announce?key=1&x=2",) * rng.randrange(3),
            ("http://w/",) * rng.randrange(2),
            (("10.0.0.1", 6881), ("fd00::1", 1))[: rng.randrange(3)],
        )
        .encode()
        .encode()
    )


def _check_magnet(data: bytes) -> None:
    magnet = Magnet.decode(data.decode(errors="replace"))
    assert len(magnet.info_hash) == 20
    assert Magnet.decode(magnet.encode()) == magnet


EXTENSION_CODECS = (
    Codec("extensions", _handshake, _check_handshake),
    Codec("peer-exchange", _gossip, _check_gossip),
    Codec("metadata", _metadata, _check_metadata),
    Codec("magnet", _magnet, _check_magnet),
)
