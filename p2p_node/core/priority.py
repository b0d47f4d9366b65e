"""Canonical peer priority (BEP 40): both ends of a possible connection rank it alike, and nobody can choose its rank.

When everybody prefers the connections of high priority, a full swarm becomes a well-mixed graph.
"""

from __future__ import annotations

import ipaddress

from p2p_node.wire.announce import Address

_POLYNOMIAL = 0x82F63B78
"""CRC-32C (Castagnoli), reflected."""


def priority(one: Address, other: Address) -> int:
    """The rank of a connection between two addresses of one family, 32 bits, the same from both ends."""
    first, second = ipaddress.ip_address(one[0]).packed, ipaddress.ip_address(other[0]).packed
    if first == second:
        ends = [one[1].to_bytes(2, "big"), other[1].to_bytes(2, "big")]
    else:
        mask = _mask(first, second)
        ends = [bytes(a & b for a, b in zip(host, mask, strict=True)) for host in (first, second)]
    return _crc32c(b"".join(sorted(ends)))


def _mask(first: bytes, second: bytes) -> bytes:
    # Hosts of different networks are told apart by the network, so that owning many of its addresses gains nothing;
    # the closer two hosts are, the more bytes count.
    whole, longest = (2, 4) if len(first) == 4 else (6, 8)
    while whole < longest and first[:whole] == second[:whole]:
        whole += 1
    return b"\xff" * whole + b"\x55" * (len(first) - whole)


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
