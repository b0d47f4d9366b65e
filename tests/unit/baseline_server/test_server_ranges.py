"""The Range header: one range or the whole, whatever the header says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline_server.ranges import Span, Unsatisfiable, select

SIZES = st.integers(0, 2**63 - 1)


@given(st.binary(max_size=200), SIZES)
def test_any_header_is_answered(header: bytes, size: int) -> None:
    """No header breaks the server, and no span leaves the file."""
    try:
        span = select(header, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= size


@given(st.integers(0, 2**64), st.integers(0, 2**64), SIZES)
def test_first_to_last(first: int, last: int, size: int) -> None:
    """`first-last` is inclusive and clipped; backwards is ignored; beyond the file is unsatisfiable."""
    header = b"bytes=%d-%d" % (first, last)
    if last < first:
        assert select(header, size) is None
    elif first >= size:
        with pytest.raises(Unsatisfiable):
            select(header, size)
    else:
        assert select(header, size) == Span(first, min(last + 1, size))


@given(st.integers(0, 2**64), SIZES)
def test_suffix(length: int, size: int) -> None:
    """`-length` is the end of the file, all of it at most."""
    header = b"bytes=-%d" % length
    if length == 0 or size == 0:
        with pytest.raises(Unsatisfiable):
            select(header, size)
    else:
        assert select(header, size) == Span(max(0, size - length), size)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=1000))
def test_many_ranges_are_the_whole(pairs: list[tuple[int, int]]) -> None:
    """However many and overlapping, several ranges cost no more than one download."""
    header = b"bytes=" + b",".join(b"%d-%d" % (min(pair), max(pair)) for pair in pairs)
    assert select(header, 100) is None
