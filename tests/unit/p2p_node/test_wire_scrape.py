"""Scrapes: what is asked of a tracker without joining, and what it answers."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import (
    MAX_SCRAPED,
    SwarmCounts,
    decode_scrape,
    decode_scrape_reply,
    encode_scrape_reply,
    scrape_url,
)

hashes = st.binary(min_size=20, max_size=20)
counts = st.builds(SwarmCounts, *[st.integers(0, (1 << 32) - 1)] * 3)


@given(st.lists(hashes, min_size=1, max_size=MAX_SCRAPED))
def test_scrapes_survive_the_url(info_hashes: list[bytes]) -> None:
    """Every byte of every hash arrives, in order."""
    url = scrape_url("http://host/announce", info_hashes)
    assert decode_scrape(urlsplit(url).query) == tuple(info_hashes)


@pytest.mark.parametrize(
    ("announce", "scrape"),
    [
        ("http://h/announce", "http://h/scrape?info_hash="),
        ("http://h/x/announce?key=1", "http://h/x/scrape?key=1&info_hash="),
        ("http://h/announce.php", "http://h/scrape.php?info_hash="),
    ],
)
def test_the_scrape_url_comes_from_the_announce_url(announce: str, scrape: str) -> None:
    """By the convention of BEP 48: `announce` in the last part of the path is replaced."""
    assert scrape_url(announce, [b"a" * 20]) == scrape + "a" * 20


@pytest.mark.parametrize("announce", ["http://h/a", "http://h/announce/x", "http://h/x?announce"])
def test_other_urls_cannot_be_scraped(announce: str) -> None:
    """BEP 48 says so, rather than to guess."""
    with pytest.raises(ProtocolError, match="cannot be scraped"):
        scrape_url(announce, [b"a" * 20])


@given(st.dictionaries(hashes, counts, max_size=5))
def test_replies_survive_a_round_trip(swarms: dict[bytes, SwarmCounts]) -> None:
    """Every count of every swarm is carried."""
    assert decode_scrape_reply(encode_scrape_reply(swarms)) == swarms


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.binary(), st.integers() | st.binary()).map(
        lambda file: bencoding.encode({b"files": {b"a" * 20: file}})
    )
)
def test_hostile_replies_raise_only_protocol_errors(data: bytes) -> None:
    """Arbitrary bytes, and arbitrary dictionaries of the right shape, are refused or read."""
    with contextlib.suppress(ProtocolError):
        decode_scrape_reply(data)


@given(st.text(max_size=200) | st.text(max_size=60).map("info_hash={}".format))
def test_hostile_scrapes_raise_only_protocol_errors(query: str) -> None:
    """Arbitrary queries to our tracker are refused or read."""
    with contextlib.suppress(ProtocolError):
        decode_scrape(query)


def test_a_scrape_of_everything_is_refused() -> None:
    """It would be a cheap way to make a large answer."""
    with pytest.raises(ProtocolError):
        decode_scrape("")
