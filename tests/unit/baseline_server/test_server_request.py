"""Heads out of bytes: however the bytes are cut, and whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline_server.errors import Refusal
from baseline_server.request import HEAD_LIMIT, Request, RequestParser

TWO = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            b"GET",
            b" ",
            b"/",
            b"HTTP/1.1",
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
            b"Host: x",
            b"Content-Length: 1",
            b"\0",
            b"GET /a ",
        ]
    )
    | st.binary(max_size=20),
    max_size=40,
)


def requests_in(*pieces: bytes) -> list[Request]:
    parser = RequestParser()
    found = []
    for piece in pieces:
        parser.receive(piece)
        while (request := parser.next_request()) is not None:
            found.append(request)
    return found


@given(st.integers(0, len(TWO)), st.integers(0, len(TWO)))
def test_cuts_do_not_matter(one: int, other: int) -> None:
    """Requests are the same wherever TCP cuts the bytes."""
    first, second = sorted((one, other))
    found = requests_in(TWO[:first], TWO[first:second], TWO[second:])
    assert [(r.method, r.target, r.keep_alive) for r in found] == [(b"GET", b"/a", True), (b"HEAD", b"/b", False)]


@given(FRAGMENTS)
def test_any_bytes_are_requests_or_refused(fragments: list[bytes]) -> None:
    """No input raises anything but a Refusal, and what passes has a method and a target."""
    try:
        found = requests_in(*fragments)
    except Refusal:
        return
    assert all(request.method and request.target for request in found)


def test_a_head_without_end_is_refused() -> None:
    """Memory is bounded: more than the limit without an end is an error, not a wait."""
    parser = RequestParser()
    parser.receive(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (HEAD_LIMIT // 6))
    with pytest.raises(Refusal):
        parser.next_request()


def test_part_of_a_head_is_told() -> None:
    """Whether a head has begun decides which time-out counts."""
    parser = RequestParser()
    assert not parser.mid_head
    parser.receive(b"GET /")
    assert parser.next_request() is None
    assert parser.mid_head
    parser.receive(b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert parser.next_request() is not None
    assert not parser.mid_head


def test_repeated_headers_are_joined() -> None:
    """RFC 9110 section 5.3: one header in several lines is one list."""
    (request,) = requests_in(b"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\n")
    assert request.headers[b"a"] == b"1, 2"
