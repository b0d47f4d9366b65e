"""Request targets become paths that stay below the root."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline_server.errors import Refusal
from baseline_server.target import path_of

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
TRICKS = st.lists(
    st.sampled_from(
        [b"/", b"//", b".", b"..", b"%2e", b"%2E%2e", b"%2f", b"%5c", b"\\", b"%00", b"%", b"%25", b"a", b"?"]
    )
)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_every_file_has_a_target(names: list[bytes]) -> None:
    """Percent-encoding names any file, and decoding gives the name back byte for byte."""
    target = "/" + "/".join(quote_from_bytes(name, safe="") for name in names)
    assert path_of(target.encode()) == b"/".join(names)


@given(st.binary(max_size=100) | TRICKS.map(lambda parts: b"/" + b"".join(parts)))
def test_no_target_escapes(target: bytes) -> None:
    """Whatever is asked, the path is refused or has only plain names in it."""
    try:
        path = path_of(target)
    except Refusal as refusal:
        assert refusal.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
    else:
        assert b"\0" not in path
        assert not {b"", b".", b".."} & set(path.split(b"/"))


@pytest.mark.parametrize("target", [b"http://h:80/a/b", b"HTTPS://h/a/b?x=http://y/..", b"/a/b?../..", b"/a/b?%00"])
def test_scheme_and_query_do_not_matter(target: bytes) -> None:
    """The absolute form names the same file, and a query is no part of the name."""
    assert path_of(target) == b"a/b"
