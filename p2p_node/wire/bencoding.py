"""Bencoding (BEP 3) by bencode2, with one error for everything that can be wrong.

bencode2 insists on sorted keys. The one thing it cannot do is to say where a value ends, which metainfo (the raw `info`
dictionary is what is hashed) and BEP 9 (raw bytes follow a dictionary) need: `value_end` does.
"""

from __future__ import annotations

from typing import Any

import bencode2

from p2p_node.wire.errors import BencodeError

MAX_DEPTH = 100
"""Nesting allowed in `value_end`; libtorrent's limit, and more than any real message needs."""


def decode(data: bytes | memoryview) -> Any:
    """The value that `data` encodes: dict (bytes keys), list, int or bytes; raises BencodeError."""
    try:
        return bencode2.bdecode(bytes(data))
    except (ValueError, RecursionError) as error:
        raise BencodeError(f"invalid bencoding: {error}") from None


def encode(value: Any) -> bytes:
    """`value` in bencoding, with sorted keys."""
    return bencode2.bencode(value)


def decode_dict(data: bytes | memoryview) -> dict[bytes, Any]:
    """Like `decode`, for messages that must be a dictionary."""
    value = decode(data)
    if not isinstance(value, dict):
        raise BencodeError("not a dictionary")
    return value


def value_end(data: bytes, start: int) -> int:
    """The offset just past the value that begins at `start`; raises BencodeError."""
    position, depth = start, 0
    while True:
        kind = data[position : position + 1]
        if kind in (b"d", b"l"):
            depth += 1
            if depth > MAX_DEPTH:
                raise BencodeError(f"nested deeper than {MAX_DEPTH}")
            position += 1
        elif kind == b"e" and depth:
            depth -= 1
            position += 1
        elif kind == b"i":
            position = _find(data, b"e", position) + 1
        elif kind.isdigit():
            colon = _find(data, b":", position)
            digits = data[position:colon]
            if not digits.isdigit() or len(digits) > 10:
                raise BencodeError(f"bad string length at offset {position}")
            position = colon + 1 + int(digits)
            if position > len(data):
                raise BencodeError(f"string at offset {colon} is longer than the data")
        else:
            raise BencodeError(f"unexpected byte at offset {position}")
        if depth == 0:
            return position


def raw_dict_value(data: bytes, key: bytes) -> bytes:
    """The encoded bytes of the value under `key` in the dictionary `data`, as they stand; raises BencodeError."""
    if data[:1] != b"d":
        raise BencodeError("not a dictionary")
    position = 1
    while data[position : position + 1] != b"e":
        value = value_end(data, position)
        end = value_end(data, value)
        if decode(data[position:value]) == key:
            return data[value:end]
        position = end
    raise BencodeError(f"no key {key.decode(errors='replace')!r}")


def _find(data: bytes, mark: bytes, start: int) -> int:
    # No number or length that can be meant has more digits than this; it bounds the search in hostile input.
    end = data.find(mark, start, start + 32)
    if end < 0:
        raise BencodeError(f"unterminated value at offset {start}")
    return end
