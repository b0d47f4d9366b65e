"""The extension protocol's handshake (BEP 10): which extensions a peer speaks, by which number, and what else it tells.

Whoever receives a message chose its number. What is unknown or of the wrong type is ignored, as the BEP asks; only what
is no dictionary at all, or absurdly long, breaks the protocol.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.address import REMEMBERED, parsed
from p2p_node.wire.errors import ProtocolError

MAX_HANDSHAKE = 16 * 1024
"""Longest extension handshake read; real ones have a few hundred bytes."""

HANDSHAKE_NUMBER = 0
"""The number of the extension handshake itself."""


class Extension(StrEnum):
    """The extensions that this node speaks, by their names on the wire."""

    METADATA = "ut_metadata"  # BEP 9
    PEX = "ut_pex"  # BEP 11
    UPLOAD_ONLY = "upload_only"  # BEP 21 as libtorrent says it between handshakes
    DONT_HAVE = "lt_donthave"  # BEP 54


OWN_NUMBERS = {extension: number for number, extension in enumerate(Extension, start=1)}
"""The numbers by which peers are to call our extensions."""

BY_OWN_NUMBER = {number: extension for extension, number in OWN_NUMBERS.items()}


class ExtensionHandshake(msgspec.Struct, frozen=True):
    """What a peer says of itself; None is what it did not say. A later one changes only what it mentions.

    `numbers` holds the known extensions only; 0 switches one off. `reqq` is the number of requests that it queues,
    `your_host` the address that it sees the other end at, `metadata_size` the bytes of the info dictionary. `run` is
    this project's own: the longest run of blocks in bytes that it sends and takes in one message (ADR 0050).
    """

    numbers: dict[Extension, int] = {}
    port: int | None = None
    version: str | None = None
    reqq: int | None = None
    your_host: str | None = None
    metadata_size: int | None = None
    upload_only: bool | None = None
    run: int | None = None

    def encode(self) -> bytes:
        """The payload of the extension message with number 0."""
        fields: dict[bytes, Any] = {b"m": {name.value.encode(): number for name, number in self.numbers.items()}}
        if self.port is not None:
            fields[b"p"] = self.port
        if self.version is not None:
            fields[b"v"] = self.version.encode()
        if self.reqq is not None:
            fields[b"reqq"] = self.reqq
        if self.your_host is not None:
            fields[b"yourip"] = parsed(self.your_host).packed
        if self.metadata_size is not None:
            fields[b"metadata_size"] = self.metadata_size
        if self.upload_only is not None:
            fields[b"upload_only"] = int(self.upload_only)
        if self.run is not None:
            fields[b"sb_run"] = self.run
        return bencoding.encode(fields)

    @classmethod
    def decode(cls, payload: bytes) -> ExtensionHandshake:
        """Read a payload; raises ProtocolError."""
        if len(payload) > MAX_HANDSHAKE:
            raise ProtocolError(f"extension handshake of {len(payload)} bytes")
        fields = bencoding.decode_dict(payload)
        upload_only = _number(fields, b"upload_only", 0, 1 << 31)
        return cls(
            numbers=_numbers(fields.get(b"m")),
            port=_number(fields, b"p", 1, 65535),
            version=_text(fields.get(b"v")),
            reqq=_number(fields, b"reqq", 1, 1 << 31),
            your_host=_host(fields.get(b"yourip")),
            metadata_size=_number(fields, b"metadata_size", 1, 1 << 31),
            upload_only=None if upload_only is None else bool(upload_only),
            run=_number(fields, b"sb_run", 1, 1 << 31),
        )


def _numbers(table: object) -> dict[Extension, int]:
    if not isinstance(table, dict):
        return {}
    found = {extension: table.get(extension.value.encode()) for extension in Extension}
    return {extension: number for extension, number in found.items() if isinstance(number, int) and 0 <= number <= 255}


def _number(fields: dict[bytes, Any], key: bytes, low: int, high: int) -> int | None:
    value = fields.get(key)
    return value if isinstance(value, int) and low <= value <= high else None


def _text(value: object) -> str | None:
    return value.decode(errors="replace")[:100] if isinstance(value, bytes) else None


def _host(value: object) -> str | None:
    return _unpacked(value) if isinstance(value, bytes) and len(value) in (4, 16) else None


@lru_cache(REMEMBERED)
def _unpacked(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))
