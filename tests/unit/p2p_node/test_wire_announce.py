"""Announces: what a peer says to a tracker, and what comes back."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.address import canonical_host, unpack_addresses
from p2p_node.wire.announce import (
    Announce,
    AnnounceReply,
    Event,
    announce_url,
    decode_announce,
    decode_reply,
    encode_failure,
    encode_reply,
)
from p2p_node.wire.errors import ProtocolError

twenty = st.binary(min_size=20, max_size=20)
amounts = st.integers(min_value=0, max_value=1 << 50)
announces = st.builds(
    Announce,
    twenty,
    twenty,
    st.integers(min_value=1, max_value=65535),
    amounts,
    amounts,
    amounts,
    st.sampled_from(Event),
    st.integers(min_value=-1, max_value=500),
    st.integers(min_value=0, max_value=(1 << 32) - 1),
    st.binary(max_size=30),
)
addresses = st.tuples(st.ip_addresses().map(str).map(canonical_host), st.integers(min_value=1, max_value=65535))


@given(announces)
def test_announces_survive_the_url(announce: Announce) -> None:
    """Every byte of hash and id, and every number, arrives as it was sent."""
    assert decode_announce(urlsplit(announce_url("http://host/announce", announce)).query) == announce


@given(announces)
def test_a_tracker_url_keeps_its_own_query(announce: Announce) -> None:
    """A passkey in the tracker's URL stays in front of the announce."""
    url = announce_url("http://host/announce?passkey=x", announce)
    assert url.startswith("http://host/announce?passkey=x&info_hash=")


@given(st.lists(addresses, max_size=60))
def test_replies_survive_a_round_trip(peers: list[tuple[str, int]]) -> None:
    """Compact replies carry every peer, each family in its own list."""
    assert set(decode_reply(encode_reply(AnnounceReply(30.0, tuple(peers)))).peers) == set(peers)


def test_replies_of_dictionaries_are_read() -> None:
    """The older form of BEP 3 is understood, for both families; peers known by name are left out."""
    peers = [{b"ip": b"10.1.0.2", b"port": 6881}, {b"ip": b"example.org", b"port": 1}, {b"ip": b"::1", b"port": 2}]
    assert decode_reply(bencoding.encode({b"interval": 9, b"peers": peers})).peers == (("10.1.0.2", 6881), ("::1", 2))


def test_an_ipv4_address_mapped_into_ipv6_is_that_ipv4_address() -> None:
    """One address has one form, or the same peer would be dialled twice."""
    mapped = bytes(10) + b"\xff\xff" + bytes([10, 1, 0, 2]) + (6881).to_bytes(2, "big")
    assert unpack_addresses(mapped, ipv6=True) == (("10.1.0.2", 6881),)


def test_what_a_tracker_says_beside_peers_is_read() -> None:
    """The least interval, a warning fit for one line, and an id to send back."""
    reply = decode_reply(
        bencoding.encode(
            {
                b"interval": 9,
                b"min interval": 4,
                b"warning message": b"old\nclient",
                b"tracker id": b"x&y",
                b"peers": b"",
            }
        )
    )
    assert (reply.min_interval, reply.warning, reply.tracker_id) == (4.0, "old client", b"x&y")


@pytest.mark.parametrize("interval", [-1, 1 << 40, 10**400, b"60", None])
def test_an_interval_that_makes_no_sense_is_refused(interval: object) -> None:
    """Also one that no float could hold."""
    table = {b"peers": b""} if interval is None else {b"interval": interval, b"peers": b""}
    with pytest.raises(ProtocolError):
        decode_reply(bencoding.encode(table))


@pytest.mark.parametrize(
    "claim", ["ip=10.6.6.6", "ipv4=10.6.6.6:80", "ipv6=fd00::6", "event=paused", "compact=0", "key=zz"]
)
def test_other_parameters_are_tolerated(claim: str) -> None:
    """What clients add (BEP 3, 7, 21) does not stop an announce."""
    assert decode_announce(f"info_hash={'a' * 20}&peer_id={'b' * 20}&port=1&{claim}").port == 1


def test_port_zero_is_not_dialled() -> None:
    """An address that cannot be connected to is left out."""
    assert unpack_addresses(bytes([10, 0, 0, 1, 0, 0])) == ()


def test_a_refusal_is_an_error_with_the_tracker_s_words() -> None:
    """A failure reason reaches the caller."""
    with pytest.raises(ProtocolError, match="unregistered torrent"):
        decode_reply(encode_failure("unregistered torrent"))


@given(st.binary(max_size=200))
def test_hostile_replies_raise_only_protocol_errors(data: bytes) -> None:
    """Arbitrary bytes from a tracker are refused or read."""
    with contextlib.suppress(ProtocolError):
        decode_reply(data)


@given(st.text(max_size=200))
def test_hostile_announces_raise_only_protocol_errors(query: str) -> None:
    """Arbitrary queries to our tracker are refused or read."""
    with contextlib.suppress(ProtocolError):
        decode_announce(query)
