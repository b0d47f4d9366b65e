"""The table of what is fuzzed: a name, a maker of valid inputs, and a check that decodes.

A check raises the package's own errors for inputs it refuses (`codec.REFUSALS`) – anything else that it raises is a
finding – and asserts what must hold for those it accepts, at least that encoding gives back what was decoded.
"""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

from p2p_node.core import bits
from p2p_node.wire import bencoding, messages
from p2p_node.wire.announce import (
    Announce,
    AnnounceReply,
    Event,
    announce_url,
    decode_announce,
    decode_reply,
    encode_reply,
    pack_address,
    unpack_addresses,
)
from p2p_node.wire.frames import MAX_FRAME, decode_frames, missing_bytes, piece_head
from p2p_node.wire.handshake import Handshake, check_prefix
from p2p_node.wire.messages import Message
from p2p_node.wire.metainfo import decode_metainfo
from tests.fuzz.codec import Codec
from tests.fuzz.dht_codecs import DHT_CODECS
from tests.fuzz.extension_codecs import EXTENSION_CODECS
from tests.fuzz.gossip_codecs import GOSSIP_CODECS
from tests.fuzz.http_codecs import HTTP_CODECS
from tests.fuzz.supernode_codecs import SUPERNODE_CODECS
from tests.fuzz.tracker_codecs import TRACKER_CODECS


def _value(rng: Random, depth: int = 0) -> Any:
    kind = rng.randrange(2 if depth > 3 else 4)
    if kind == 0:
        return rng.randrange(-(10 ** rng.randrange(1, 18)), 10 ** rng.randrange(1, 19))
    if kind == 1:
        return rng.randbytes(rng.randrange(12))
    if kind == 2:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.randbytes(rng.randrange(1, 6)): _value(rng, depth + 1) for _ in range(rng.randrange(4))}


def _check_bencoding(data: bytes) -> None:
    value = bencoding.decode(data)
    again = bencoding.encode(value)
    assert bencoding.decode(again) == value
    assert bencoding.value_end(again, 0) == len(again)


def _check_value_end(data: bytes) -> None:
    end = bencoding.value_end(data, 0)
    assert 0 < end <= len(data)
    assert bencoding.value_end(data[:end], 0) == end


def _dictionary(rng: Random) -> bytes:
    info = {b"name": rng.randbytes(3), b"x": _value(rng)}
    return bencoding.encode({b"a": _value(rng), b"info": info, b"z": _value(rng)})


def _check_raw_value(data: bytes) -> None:
    raw = bencoding.raw_dict_value(data, b"info")
    assert raw in data
    assert bencoding.value_end(raw, 0) == len(raw)


def _message(rng: Random) -> Message:
    def number() -> int:
        return rng.choice([0, 1, rng.randrange(1 << 32), (1 << 32) - 1])

    return rng.choice(
        [
            messages.KeepAlive,
            messages.Choke,
            messages.Unchoke,
            messages.Interested,
            messages.NotInterested,
            messages.HaveAll,
            messages.HaveNone,
            lambda: messages.Have(number()),
            lambda: messages.Suggest(number()),
            lambda: messages.AllowedFast(number()),
            lambda: messages.Bitfield(rng.randbytes(rng.randrange(20))),
            lambda: messages.Request(number(), number(), number()),
            lambda: messages.Cancel(number(), number(), number()),
            lambda: messages.Reject(number(), number(), number()),
            lambda: messages.Piece(number(), number(), rng.randbytes(rng.randrange(1, 40))),
            lambda: messages.Port(rng.randrange(1 << 16)),
            lambda: messages.Extended(rng.randrange(256), rng.randbytes(rng.randrange(20))),
            lambda: messages.HashRequest(rng.randbytes(32), number(), number(), number(), number()),
            lambda: messages.HashReject(rng.randbytes(32), number(), number(), number(), number()),
            lambda: messages.Hashes(
                rng.randbytes(32), number(), number(), number(), number(), rng.randbytes(32 * rng.randrange(1, 3))
            ),
        ]
    )()


def _run(rng: Random) -> Message:
    piece, begin, length = rng.randrange(9), rng.randrange(9), rng.randrange(1, 20)
    kind, count = rng.randrange(3), rng.randrange(1, 6)
    if kind == 0:
        return messages.Requests(piece, begin, length, count)
    if kind == 1:
        return messages.Haves(tuple(rng.randrange(1 << 32) for _ in range(count)))
    return messages.Blocks(piece, begin, [memoryview(rng.randbytes(length)) for _ in range(count)])


def _frames(rng: Random) -> bytes:
    makers = (_message, _message, _run)
    return b"".join(messages.encode(rng.choice(makers)(rng)) for _ in range(rng.randrange(1, 5)))


def _check_frames(data: bytes) -> None:
    found, used = decode_frames(memoryview(data))
    rest = data[used:]
    assert 1 <= missing_bytes(rest) <= MAX_FRAME + 4
    head = piece_head(memoryview(rest))
    assert head is None or len(rest) - messages.PIECE_HEADER < head[2] <= messages.RUN
    encoded = b"".join(map(messages.encode, found))
    again, end = decode_frames(memoryview(encoded))
    assert _singly(again) == _singly(found) and end == len(encoded)
    # However the stream is cut, the same messages come out, though not in the same runs.
    cut = len(data) // 2
    first, kept = decode_frames(memoryview(data)[:cut])
    second, more = decode_frames(memoryview(data)[kept:])
    assert _singly(first + second) == _singly(found) and kept + more == used


def _singly(found: list[Message]) -> list[Message]:
    """Each request, each block and each HAVE as a message of its own."""
    single: list[Message] = []
    for message in found:
        match message:
            case messages.Requests(piece, begin, length, count):
                single += [messages.Request(piece, begin + number * length, length) for number in range(count)]
            case messages.Haves(pieces):
                single += map(messages.Have, pieces)
            case messages.Blocks(piece, begin, blocks):
                for block in blocks:
                    single.append(messages.Piece(piece, begin, block))
                    begin += len(block)
            case _:
                single.append(message)
    return single


def _handshake(rng: Random) -> bytes:
    return Handshake(rng.randbytes(20), rng.randbytes(20), rng.random() < 0.5, rng.random() < 0.5).encode()


def _check_handshake(data: bytes) -> None:
    shake = Handshake.decode(data)
    for end in range(21):
        check_prefix(data[:end])
    assert Handshake.decode(shake.encode()) == shake


def _bitfield(rng: Random) -> bytes:
    count = rng.randrange(1, 80)
    return bytes([count]) + bits.to_bitfield(rng.getrandbits(count), count)


def _check_bitfield(data: bytes) -> None:
    count = data[0] if data else 0
    assert bits.to_bitfield(bits.from_bitfield(data[1:], count), count) == data[1:]


def _announce(rng: Random) -> bytes:
    announce = Announce(
        rng.randbytes(20),
        rng.randbytes(20),
        rng.randrange(1, 1 << 16),
        rng.randrange(1 << 40),
        rng.randrange(1 << 40),
        rng.randrange(1 << 40),
        rng.choice(list(Event)),
        rng.randrange(-1, 300),
    )
    return urlsplit(announce_url("http://t/announce", announce)).query.encode("latin-1")


def _check_announce(data: bytes) -> None:
    announce = decode_announce(data.decode("latin-1"))
    assert len(announce.info_hash) == len(announce.peer_id) == 20
    assert quote_from_bytes(announce.info_hash, safe="") in announce_url("http://t/?k", announce)
    assert decode_announce(urlsplit(announce_url("http://t/", announce)).query) == announce


def _address(rng: Random) -> tuple[str, int]:
    return ".".join(str(rng.randrange(256)) for _ in range(4)), rng.randrange(1, 1 << 16)


def _reply(rng: Random) -> bytes:
    peers = tuple(_address(rng) for _ in range(rng.randrange(4)))
    if rng.random() < 0.5:
        return encode_reply(AnnounceReply(float(rng.randrange(1 << 20)), peers, rng.randrange(9), rng.randrange(9)))
    listed = [{b"ip": host.encode(), b"port": port, b"peer id": rng.randbytes(20)} for host, port in peers]
    return bencoding.encode({b"interval": rng.randrange(1 << 20), b"peers": listed})


def _check_reply(data: bytes) -> None:
    reply = decode_reply(data)
    again = decode_reply(encode_reply(reply))
    assert (again.interval, again.peers) == (reply.interval, reply.peers)


def _addresses(rng: Random) -> bytes:
    return b"".join(pack_address(_address(rng)) for _ in range(rng.randrange(6)))


def _check_addresses(data: bytes) -> None:
    addresses = unpack_addresses(data)
    assert unpack_addresses(b"".join(map(pack_address, addresses))) == addresses


def _metainfo(rng: Random) -> bytes:
    pieces = rng.randrange(1, 4)
    length = rng.randrange((pieces - 1) * 16384 + 1, pieces * 16384 + 1)
    info = {b"length": length, b"name": b"item", b"piece length": 16384, b"pieces": rng.randbytes(20 * pieces)}
    torrent: dict[bytes, Any] = {b"info": info, b"announce": b"http://t/announce"}
    if rng.random() < 0.5:
        torrent[b"url-list"] = rng.choice([b"http://w/", [b"http://w/", b"http://v/x"]])
    return bencoding.encode(torrent)


def _check_metainfo(data: bytes) -> None:
    metainfo = decode_metainfo(data)
    sizes = [metainfo.piece_size(piece) for piece in range(metainfo.piece_count)]
    assert sum(sizes) == metainfo.length and all(0 < size <= metainfo.piece_length for size in sizes)
    assert "/" not in metainfo.name and metainfo.name not in ("", ".", "..")


CODECS = (
    Codec("bencoding", lambda rng: bencoding.encode(_value(rng)), _check_bencoding),
    Codec("value-end", lambda rng: bencoding.encode(_value(rng)), _check_value_end),
    Codec("raw-value", _dictionary, _check_raw_value),
    Codec("frames", _frames, _check_frames),
    Codec("handshake", _handshake, _check_handshake),
    Codec("bitfield", _bitfield, _check_bitfield),
    Codec("announce", _announce, _check_announce),
    Codec("announce-reply", _reply, _check_reply),
    Codec("addresses", _addresses, _check_addresses),
    Codec("metainfo", _metainfo, _check_metainfo),
    *EXTENSION_CODECS,
    *SUPERNODE_CODECS,
    *TRACKER_CODECS,
    *HTTP_CODECS,
    *DHT_CODECS,
    *GOSSIP_CODECS,
)
