"""The peer exchange message (BEP 11): the addresses that its sender connected to and disconnected from.

Addresses stay in their compact form (6 bytes for IPv4, 18 for IPv6): in a lively swarm nearly all are known already,
and comparing bytes is much cheaper than reading them.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Any, TypeAlias

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.address import IPV4, IPV6
from p2p_node.wire.errors import ProtocolError

MAX_GOSSIP = 16 * 1024
"""Longest message read; one of a hundred addresses has less than two thousand bytes."""

Compact: TypeAlias = bytes
"""An address in 6 or 18 bytes."""


class Trait(IntFlag):
    """What is told of an address."""

    ENCRYPTS = 0x01
    SEED = 0x02
    UTP = 0x04
    HOLEPUNCH = 0x08
    REACHABLE = 0x10


class Gossip(msgspec.Struct, frozen=True):
    """The addresses that joined, each with its traits (a set of `Trait` in one byte), and those that left."""

    added: dict[Compact, int] = {}
    dropped: tuple[Compact, ...] = ()

    def encode(self) -> bytes:
        """The payload of the extension message; keys for address families that do not occur are left out."""
        fields: dict[bytes, bytes] = {}
        for width, suffix in ((IPV4, b""), (IPV6, b"6")):
            added = [compact for compact in self.added if len(compact) == width]
            dropped = [compact for compact in self.dropped if len(compact) == width]
            if added:
                fields[b"added" + suffix] = b"".join(added)
                fields[b"added" + suffix + b".f"] = bytes(self.added[compact] for compact in added)
            if dropped:
                fields[b"dropped" + suffix] = b"".join(dropped)
        return bencoding.encode(fields)

    @classmethod
    def decode(cls, payload: bytes) -> Gossip:
        """Read a payload; raises ProtocolError. Traits that are missing are none."""
        if len(payload) > MAX_GOSSIP:
            raise ProtocolError(f"peer exchange of {len(payload)} bytes")
        fields = bencoding.decode_dict(payload)
        added: dict[Compact, int] = {}
        dropped: list[Compact] = []
        for width, suffix in ((IPV4, b""), (IPV6, b"6")):
            joined = _compacts(fields, b"added" + suffix, width)
            traits = _bytes(fields, b"added" + suffix + b".f").ljust(len(joined), b"\0")
            added |= zip(joined, traits, strict=False)
            dropped += _compacts(fields, b"dropped" + suffix, width)
        return cls(added, tuple(dropped))


def _compacts(fields: dict[bytes, Any], key: bytes, width: int) -> list[Compact]:
    data = _bytes(fields, key)
    if len(data) % width:
        raise ProtocolError(f"peer exchange whose {key.decode()} has {len(data)} bytes")
    return [data[at : at + width] for at in range(0, len(data), width)]


def _bytes(fields: dict[bytes, Any], key: bytes) -> bytes:
    value = fields.get(key, b"")
    if not isinstance(value, bytes):
        raise ProtocolError(f"peer exchange whose {key.decode()} is no string")
    return value
