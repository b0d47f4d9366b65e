"""Magnet links."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire.address import canonical_host
from p2p_node.wire.errors import MagnetError
from p2p_node.wire.magnet import MAX_LINK, MAX_VALUES, Magnet

HASH = bytes(range(20))
urls = st.text(st.characters(codec="utf-8", min_codepoint=33), min_size=1, max_size=30).map("http://t/".__add__)
magnets = st.builds(
    Magnet,
    st.none() | st.binary(min_size=20, max_size=20),
    st.binary(min_size=32, max_size=32),
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    st.lists(urls, max_size=3).map(tuple),
    st.lists(urls, max_size=3).map(tuple),
    st.lists(st.tuples(st.ip_addresses().map(str).map(canonical_host), st.integers(1, 65535)), max_size=3).map(tuple),
)


@given(magnets)
def test_a_link_survives_a_round_trip(magnet: Magnet) -> None:
    """Hashes of both versions, names and URLs of any characters, peers of both families."""
    assert Magnet.decode(magnet.encode()) == magnet


def test_a_peer_mapped_into_ipv6_is_the_ipv4_peer() -> None:
    """So nobody is dialled twice under two names."""
    link = f"magnet:?xt=urn:btih:{HASH.hex()}&x.pe=[::ffff:10.1.0.2]:6881"
    assert Magnet.decode(link).peers == (("10.1.0.2", 6881),)


@pytest.mark.parametrize(
    "topic", [HASH.hex(), HASH.hex().upper(), base64.b32encode(HASH).decode(), base64.b32encode(HASH).decode().lower()]
)
def test_v1_hashes_come_in_hex_and_base32(topic: str) -> None:
    """In capitals and small letters."""
    assert Magnet.decode(f"magnet:?xt=urn:btih:{topic}").info_hash == HASH


def test_parameters_may_be_numbered_and_unknown_ones_are_ignored() -> None:
    """`xt.1` is a topic, other networks' topics and `so` mean nothing here."""
    link = f"magnet:?xt=urn:ed2k:x&xt.1=urn:btih:{HASH.hex()}&tr.1=http://a/&tr.2=http://b/&so=0&kt=x"
    assert Magnet.decode(link) == Magnet(HASH, trackers=("http://a/", "http://b/"))


def test_a_v2_torrent_goes_by_the_start_of_its_hash() -> None:
    """BEP 52: handshakes and trackers have 20 bytes."""
    magnet = Magnet(info_hash_v2=bytes(range(32)))
    assert magnet.info_hash == bytes(range(20))


def test_a_link_names_a_bounded_number_of_trackers() -> None:
    """A link is somebody else's word; it must not make this node ask thousands."""
    link = f"magnet:?xt=urn:btih:{HASH.hex()}" + "&tr=http://t/" * 2000
    assert len(Magnet.decode(link).trackers) == MAX_VALUES


@pytest.mark.parametrize(
    "link",
    [
        "",
        "http://example/x.torrent",
        "magnet:?dn=item",
        "magnet:?xt=urn:btih:abc",
        f"magnet:?xt=urn:btih:{'g' * 40}",
        f"magnet:?xt=urn:btih:{'1' * 32}",
        f"magnet:?xt=urn:btmh:1220{'a' * 62}",
        f"magnet:?xt=urn:btmh:1114{'a' * 64}",
        f"magnet:?xt=urn:btih:{'a' * 40}&x.pe=example.org:80",
        f"magnet:?xt=urn:btih:{'a' * 40}&x.pe=10.0.0.1",
        f"magnet:?xt=urn:btih:{'a' * 40}&x.pe=10.0.0.1:99999",
        f"magnet:?xt=urn:btih:{'a' * 40}&x.pe=[::1:80",
        f"magnet:?xt=urn:btih:{'a' * 40}&dn={'a' * MAX_LINK}",
    ],
)
def test_unusable_links_are_refused(link: str) -> None:
    """Other schemes, missing or malformed hashes, peers that cannot be dialled, absurd lengths."""
    with pytest.raises(MagnetError):
        Magnet.decode(link)


@given(st.text(max_size=80))
def test_hostile_links_raise_only_magnet_errors(text: str) -> None:
    """Behind a good hash or without."""
    for link in (text, f"magnet:?{text}", f"magnet:?xt=urn:btih:{HASH.hex()}&{text}", f"magnet:?xt=urn:btih:{text}"):
        try:
            Magnet.decode(link)
        except MagnetError:
            continue
