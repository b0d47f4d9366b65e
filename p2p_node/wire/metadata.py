"""Messages of the metadata extension (BEP 9): peers send each other the info dictionary in parts.

A part's bytes follow the message's dictionary raw, so the dictionary's end has to be found first.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.errors import ProtocolError

PART = 16 * 1024
"""Bytes in every part but the last."""

MAX_METADATA = 64 << 20
"""The largest info dictionary that is believed and fetched; the largest torrent file that is read, too."""

_REQUEST, _DATA, _REJECT = range(3)


class MetadataRequest(msgspec.Struct, frozen=True):
    """Please send this part."""

    part: int


class MetadataData(msgspec.Struct, frozen=True):
    """A part; `total` is the size of the whole dictionary in bytes."""

    part: int
    total: int
    data: bytes


class MetadataReject(msgspec.Struct, frozen=True):
    """I will not send this part."""

    part: int


MetadataMessage: TypeAlias = MetadataRequest | MetadataData | MetadataReject


def part_count(size: int) -> int:
    """How many parts a dictionary of `size` bytes has."""
    return -(-size // PART)


def part_size(part: int, size: int) -> int:
    """Bytes in this part of a dictionary of `size` bytes."""
    return min(PART, size - part * PART)


def encode_metadata(message: MetadataMessage) -> bytes:
    """The payload of the extension message."""
    match message:
        case MetadataRequest(part):
            return bencoding.encode({b"msg_type": _REQUEST, b"piece": part})
        case MetadataData(part, total, data):
            return bencoding.encode({b"msg_type": _DATA, b"piece": part, b"total_size": total}) + data
        case MetadataReject(part):
            return bencoding.encode({b"msg_type": _REJECT, b"piece": part})


def decode_metadata(payload: bytes) -> MetadataMessage | None:
    """Read a payload; None for a type that is unknown, which BEP 9 asks to ignore. Raises ProtocolError."""
    end = bencoding.value_end(payload, 0)
    fields = bencoding.decode_dict(payload[:end])
    kind, part = _number(fields, b"msg_type"), _number(fields, b"piece")
    if kind == _DATA:
        total, data = _number(fields, b"total_size"), payload[end:]
        if not 0 < total <= MAX_METADATA or part >= part_count(total) or len(data) != part_size(part, total):
            raise ProtocolError(f"metadata part {part} of {len(data)} bytes, of {total} in all")
        return MetadataData(part, total, data)
    if end != len(payload):
        raise ProtocolError("metadata message with bytes behind it")
    if kind == _REQUEST:
        return MetadataRequest(part)
    return MetadataReject(part) if kind == _REJECT else None


def _number(fields: dict[bytes, Any], key: bytes) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ProtocolError(f"metadata message without {key.decode()}")
    return value
