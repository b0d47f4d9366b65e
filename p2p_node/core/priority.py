"""Canonical peer priority (BEP 40): both ends of a possible connection rank it alike, and nobody can choose its rank.

When everybody prefers the connections of high priority, a full swarm becomes a well-mixed graph.
"""

from __future__ import annotations

from functools import cache, lru_cache

from p2p_node.wire.address import REMEMBERED, Address, parsed
from p2p_node.wire.crc32c import crc32c


def priority(one: Address, other: Address) -> int:
    """The rank of a connection between two addresses of one family, 32 bits, the same from both ends."""
    first, width = _number(one[0])
    second, _ = _number(other[0])
    if first == second:
        first, second, width = one[1], other[1], 2
    else:
        mask = _mask(width - ((first ^ second).bit_length() + 7) // 8, width)
        first, second = first & mask, second & mask
    if first > second:
        first, second = second, first
    return crc32c((first << 8 * width | second).to_bytes(2 * width, "big"))


@lru_cache(REMEMBERED)
def _number(host: str) -> tuple[int, int]:
    """An address as a number, and its bytes."""
    address = parsed(host)
    return int(address), len(address.packed)


@cache
def _mask(common: int, width: int) -> int:
    """What counts of addresses whose first `common` bytes of `width` are the same."""
    # Hosts of different networks are told apart by the network, so that owning many of its addresses gains nothing;
    # the closer two hosts are, the more bytes count.
    least, most = (2, 4) if width == 4 else (6, 8)
    whole = min(max(common + 1, least), most)
    return int.from_bytes(b"\xff" * whole + b"\x55" * (width - whole), "big")
