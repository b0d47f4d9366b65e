"""The codecs of the extension protocol: handshakes, metadata, peer exchange."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.address import canonical_host, pack_address, unpack_address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import MAX_HANDSHAKE, Extension, ExtensionHandshake
from p2p_node.wire.metadata import (
    MAX_METADATA,
    PART,
    MetadataData,
    MetadataMessage,
    MetadataReject,
    MetadataRequest,
    decode_metadata,
    encode_metadata,
    part_size,
)
from p2p_node.wire.pex import MAX_GOSSIP, Gossip, Trait

handshakes = st.builds(
    ExtensionHandshake,
    numbers=st.dictionaries(st.sampled_from(Extension), st.integers(0, 255)),
    port=st.none() | st.integers(1, 65535),
    version=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
    reqq=st.none() | st.integers(1, 10_000),
    your_host=st.none() | st.ip_addresses().map(str),
    metadata_size=st.none() | st.integers(1, 1 << 31),
    upload_only=st.none() | st.booleans(),
    run=st.none() | st.integers(1, 1 << 31),
)

compacts = st.binary(min_size=6, max_size=6) | st.binary(min_size=18, max_size=18)
traits = st.integers(0, 255)

bencodable: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(1 << 63), 1 << 63) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(handshakes)
def test_a_handshake_survives_a_round_trip(handshake: ExtensionHandshake) -> None:
    """What is said is heard, and what is not said stays open."""
    assert ExtensionHandshake.decode(handshake.encode()) == handshake


@given(
    st.dictionaries(
        st.sampled_from([b"m", b"p", b"v", b"reqq", b"yourip", b"metadata_size", b"upload_only", b"sb_run"]), bencodable
    )
)
def test_what_is_of_the_wrong_type_in_a_handshake_is_ignored(fields: dict[bytes, Any]) -> None:
    """Any dictionary is a handshake; only sensible values are taken from it."""
    handshake = ExtensionHandshake.decode(bencoding.encode(fields))
    assert handshake.port is None or 0 < handshake.port < 65536
    assert handshake.reqq is None or handshake.reqq > 0
    assert handshake.run is None or handshake.run > 0
    assert all(0 <= number <= 255 for number in handshake.numbers.values())


@given(
    st.binary(max_size=60)
    | bencodable.map(bencoding.encode)
    | st.tuples(bencodable.map(bencoding.encode), st.binary(max_size=40)).map(b"".join)
)
def test_hostile_bytes_raise_only_protocol_errors(payload: bytes) -> None:
    """Whatever comes is a value or a ProtocolError, from each of the codecs."""
    for decode in (ExtensionHandshake.decode, decode_metadata, Gossip.decode):
        try:
            decode(payload)
        except ProtocolError:
            continue


@pytest.mark.parametrize(("decode", "limit"), [(ExtensionHandshake.decode, MAX_HANDSHAKE), (Gossip.decode, MAX_GOSSIP)])
def test_absurdly_long_messages_are_refused(decode: Any, limit: int) -> None:
    """They are not even parsed."""
    with pytest.raises(ProtocolError):
        decode(bencoding.encode({b"x": bytes(limit)}))


def message(total: int, part: int) -> MetadataData:
    return MetadataData(part, total, b"e" * part_size(part, total))


@given(
    st.integers(0, 1 << 31).map(MetadataRequest)
    | st.integers(0, 1 << 31).map(MetadataReject)
    | st.integers(1, 4 * PART).flatmap(
        lambda total: st.integers(0, -(-total // PART) - 1).map(lambda part: message(total, part))
    )
)
def test_a_metadata_message_survives_a_round_trip(said: MetadataMessage) -> None:
    """Also when the raw bytes behind the dictionary look like bencoding."""
    assert decode_metadata(encode_metadata(said)) == said


@pytest.mark.parametrize(
    "payload",
    [
        encode_metadata(MetadataData(0, 100, b"x" * 99)),
        encode_metadata(MetadataData(0, 100, b"x" * 101)),
        encode_metadata(MetadataData(1, 100, b"x" * 100)),
        encode_metadata(MetadataData(0, 0, b"")),
        encode_metadata(MetadataData(0, MAX_METADATA + 1, b"x" * PART)),
        encode_metadata(MetadataRequest(0)) + b"x",
        bencoding.encode({b"msg_type": 0, b"piece": -1}),
        bencoding.encode({b"piece": 0}),
    ],
)
def test_impossible_metadata_messages_are_refused(payload: bytes) -> None:
    """Parts of the wrong length or place, absurd totals, and bytes where none belong."""
    with pytest.raises(ProtocolError):
        decode_metadata(payload)


def test_unknown_metadata_messages_are_ignored() -> None:
    """As BEP 9 asks, for messages of the future."""
    assert decode_metadata(bencoding.encode({b"msg_type": 7, b"piece": 0})) is None


@given(
    st.builds(Gossip, st.dictionaries(compacts, traits, max_size=20), st.lists(compacts, max_size=20).map(tuple)),
)
def test_gossip_survives_a_round_trip(gossip: Gossip) -> None:
    """Addresses of both families with their traits; the families come out apart."""
    read = Gossip.decode(gossip.encode())
    assert read.added == gossip.added
    assert sorted(read.dropped) == sorted(gossip.dropped)


def test_gossip_is_written_as_bep_11_says() -> None:
    """Against bytes laid out by hand."""
    gossip = Gossip({pack_address(("10.0.0.1", 6881)): Trait.SEED | Trait.REACHABLE}, (pack_address(("::1", 1)),))
    expected = b"d5:added6:\x0a\0\0\1\x1a\xe17:added.f1:\x128:dropped618:" + bytes(15) + b"\1\0\1e"
    assert gossip.encode() == expected


def test_missing_traits_are_none() -> None:
    """Some clients send no flags."""
    compact = pack_address(("10.0.0.1", 1))
    assert Gossip.decode(bencoding.encode({b"added": compact})).added == {compact: Trait(0)}


@given(st.ip_addresses().map(str), st.integers(0, 65535))
def test_an_address_survives_its_compact_form(host: str, port: int) -> None:
    """IPv4 in 6 bytes, IPv6 in 18; what comes out is in the one form that is used here."""
    assert unpack_address(pack_address((host, port))) == (canonical_host(host), port)
    assert len(pack_address((host, port))) == (18 if ":" in host else 6)


@pytest.mark.parametrize("fields", [{b"added": bytes(5)}, {b"added6": bytes(6)}, {b"dropped": 1}, {b"added.f": []}])
def test_malformed_gossip_is_refused(fields: dict[bytes, Any]) -> None:
    """Lengths that are no multiple of an address's, and values that are no strings."""
    with pytest.raises(ProtocolError):
        Gossip.decode(bencoding.encode(fields))
