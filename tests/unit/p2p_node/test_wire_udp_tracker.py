"""The datagrams of the UDP tracker protocol, both ends'."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire.address import canonical_host
from p2p_node.wire.announce import Announce, AnnounceReply, Event
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import SwarmCounts
from p2p_node.wire.udp_tracker import (
    MAGIC,
    Answer,
    Connect,
    Connected,
    Refused,
    Request,
    Scrape,
    Scraped,
    answered_transaction,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

u32 = st.integers(0, (1 << 32) - 1)
u64 = st.integers(0, (1 << 64) - 1)
twenty = st.binary(min_size=20, max_size=20)
announces = st.builds(
    Announce,
    twenty,
    twenty,
    st.integers(1, 65535),
    u64,
    u64,
    u64,
    st.sampled_from([Event.REGULAR, Event.COMPLETED, Event.STARTED, Event.STOPPED]),
    st.integers(-1, 500),
    u32,
)
requests = st.builds(Request, st.just(MAGIC), u32, st.just(Connect())) | st.builds(
    Request, u64, u32, announces | st.lists(twenty, min_size=1, max_size=70).map(tuple).map(Scrape)
)
counts = st.builds(SwarmCounts, u32, u32, u32)
ports = st.integers(1, 65535)


def answers(ipv6: bool) -> st.SearchStrategy[Answer]:
    host = st.ip_addresses(v=6 if ipv6 else 4).map(str).map(canonical_host)
    peers = st.lists(st.tuples(host.filter(lambda host: (":" in host) == ipv6), ports), max_size=60).map(tuple)
    reply = st.builds(AnnounceReply, st.integers(0, (1 << 31) - 1).map(float), peers, u32, u32)
    return reply | st.builds(Connected, u64) | st.builds(Scraped, st.lists(counts, max_size=9).map(tuple))


@given(requests)
def test_requests_survive_a_round_trip(request: Request) -> None:
    """Every field arrives as it was sent."""
    assert decode_request(encode_request(request)) == request


@pytest.mark.parametrize("ipv6", [False, True])
@given(st.data())
def test_answers_survive_a_round_trip(ipv6: bool, data: st.DataObject) -> None:
    """Also with the longer addresses of IPv6."""
    answer, transaction = data.draw(answers(ipv6)), data.draw(u32)
    datagram = encode_answer(transaction, answer, ipv6)
    assert answered_transaction(datagram) == transaction
    assert decode_answer(datagram, ipv6) == answer


def test_a_connect_is_what_bep_15_prints() -> None:
    """The protocol's magic, action 0, the transaction."""
    assert encode_request(Request(MAGIC, 5, Connect())) == bytes.fromhex("00000417271019800000000000000005")


def test_options_behind_an_announce_are_passed_over() -> None:
    """Clients add the URL's path (BEP 41)."""
    announce = Announce(b"h" * 20, b"p" * 20, 1, 0, 0, 0, Event.STARTED, -1)
    datagram = encode_request(Request(1, 2, announce)) + b"\x02\x09/announce"
    assert decode_request(datagram).question == announce


def test_a_refusal_is_fit_for_one_line() -> None:
    """Whatever bytes the tracker puts there."""
    assert decode_answer(encode_answer(1, Refused("go\naway"))) == Refused("go away")


@given(st.binary(max_size=200), st.booleans())
def test_hostile_datagrams_raise_only_protocol_errors(data: bytes, ipv6: bool) -> None:
    """At both ends."""
    for decode in (decode_request, lambda data: decode_answer(data, ipv6)):
        with contextlib.suppress(ProtocolError):
            decode(data)
    answered_transaction(data)
