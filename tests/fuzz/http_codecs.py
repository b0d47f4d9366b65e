"""The codecs of the central server: requests, and what their targets, ranges and conditions come to."""

from __future__ import annotations

from http import HTTPStatus
from random import Random

from baseline_server.conditions import Validators, http_date, outcome, range_applies
from baseline_server.ranges import select
from baseline_server.request import HEAD_LIMIT, RequestParser
from baseline_server.target import path_of
from tests.fuzz.codec import Codec

_SIZE = 1000
_CURRENT = Validators(b'"1-2-3"', 1_000_000_000)
_TARGETS = (b"/a", b"/dir/a%20b", b"/%C3%BC?q=1", b"http://host/a", b"/%2e%2e/a", b"/" + b"a" * 300)
_HEADERS = (
    b"Range: bytes=0-9",
    b"Range: bytes=-5",
    b"Range: bytes=990-",
    b"Range: bytes=0-1,5-6",
    b'If-None-Match: W/"1-2-3", "x"',
    b"If-Match: *",
    b'If-Range: "1-2-3"',
    b"If-Modified-Since: " + http_date(_CURRENT.modified_s),
    b"If-Unmodified-Since: " + http_date(0),
    b"Connection: close, x",
    b"Content-Length: 0",
    b"Expect: 100-continue",
)


def _requests(rng: Random) -> bytes:
    def request() -> bytes:
        line = b"%b %b HTTP/1.%d" % (rng.choice([b"GET", b"HEAD"]), rng.choice(_TARGETS), rng.randrange(2))
        return b"\r\n".join([line, b"Host: x", *rng.sample(_HEADERS, rng.randrange(4)), b"", b""])

    return b"".join(request() for _ in range(rng.randrange(1, 4)))


def _check_requests(data: bytes) -> None:
    parser = RequestParser()
    parser.receive(data)
    while (request := parser.next_request()) is not None:
        assert request.version in ("1.0", "1.1")
        assert request.method and request.target
        assert b"\n" not in b"".join((request.target, *request.headers.values()))
        assert outcome(request.headers, _CURRENT) in (None, HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED)
        range_applies(request.headers, _CURRENT)
    assert parser.mid_head or not data.rstrip(b"\r\n") or data.endswith(b"\r\n\r\n")
    assert len(data) <= HEAD_LIMIT or b"\r\n\r\n" in data


def _target(rng: Random) -> bytes:
    return rng.choice(_TARGETS[:-2])


def _check_target(data: bytes) -> None:
    path = path_of(data)
    assert b"\0" not in path
    assert not {b"", b".", b".."} & set(path.split(b"/"))


def _range(rng: Random) -> bytes:
    first = rng.randrange(_SIZE)
    return rng.choice(
        [b"bytes=%d-%d" % (first, first + rng.randrange(_SIZE)), b"bytes=%d-" % first, b"bytes=-%d" % first]
    )


def _check_range(data: bytes) -> None:
    span = select(data, _SIZE)
    assert span is None or 0 <= span.start < span.stop <= _SIZE
    assert span is not None or select(data, 2 * _SIZE) is None, "what is a range does not hang on the size"


HTTP_CODECS = (
    Codec("http-requests", _requests, _check_requests),
    Codec("http-target", _target, _check_target),
    Codec("http-range", _range, _check_range),
)
