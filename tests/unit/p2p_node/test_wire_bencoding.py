"""Bencoding: what bencode2 is trusted with, and where values end."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.wire import bencoding
from p2p_node.wire.errors import BencodeError

values: st.SearchStrategy[Any] = st.recursive(
    st.integers(min_value=-(2**70), max_value=2**70) | st.binary(max_size=40),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.binary(max_size=8), children, max_size=4),
    max_leaves=20,
)


@given(values)
def test_values_survive_a_round_trip(value: Any) -> None:
    """What is encoded is decoded to the same value."""
    assert bencoding.decode(bencoding.encode(value)) == value


@given(values, st.binary(max_size=20))
def test_a_value_ends_where_the_next_begins(value: Any, rest: bytes) -> None:
    """`value_end` finds the end of a value whatever follows it."""
    encoded = bencoding.encode(value)
    assert bencoding.value_end(encoded + rest, 0) == len(encoded)


@given(st.binary(max_size=200))
def test_hostile_bytes_raise_only_bencode_errors(data: bytes) -> None:
    """Arbitrary bytes are decoded or refused; nothing else escapes."""
    for read in (bencoding.decode, bencoding.decode_dict, lambda raw: bencoding.value_end(raw, 0)):
        with contextlib.suppress(BencodeError):
            read(data)


@given(st.dictionaries(st.binary(min_size=1, max_size=5), values, min_size=1, max_size=5), st.data())
def test_raw_values_are_the_bytes_as_they_stand(table: dict[bytes, Any], data: st.DataObject) -> None:
    """The raw value under a key is exactly its encoding, as hashing the info dictionary needs."""
    key = data.draw(st.sampled_from(sorted(table)))
    assert bencoding.raw_dict_value(bencoding.encode(table), key) == bencoding.encode(table[key])


@pytest.mark.parametrize(
    "data", [b"", b"l" * 200 + b"e" * 200, b"i1", b"5:abc", b"99999999999:a", b"e", b"d", b"1" * 50, b"i" + b"1" * 99]
)
def test_values_without_an_end_are_refused(data: bytes) -> None:
    """Truncated, oversized and too deeply nested values raise BencodeError."""
    with pytest.raises(BencodeError):
        bencoding.value_end(data, 0)
