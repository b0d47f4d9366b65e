"""Canonical peer priority (BEP 40): both ends of a possible connection rank it alike, and nobody can choose its rank.

When everybody prefers the connections of high priority, a full swarm becomes a well-mixed graph.
"""

from __future__ import annotations

from p2p_node.wire.address import Address, parsed
from p2p_node.wire.crc32c import crc32c


def priority(one: Address, other: Address) -> int:
    """The rank of a connection between two addresses of one family, 32 bits, the same from both ends."""
    first, second = parsed(one[0]).packed, parsed(other[0]).packed
    if first == second:
        ends = [one[1].to_bytes(2, "big"), other[1].to_bytes(2, "big")]
    else:
        mask = _mask(first, second)
        ends = [bytes(a & b for a, b in zip(host, mask, strict=True)) for host in (first, second)]
    return crc32c(b"".join(sorted(ends)))


def _mask(first: bytes, second: bytes) -> bytes:
    # Hosts of different networks are told apart by the network, so that owning many of its addresses gains nothing;
    # the closer two hosts are, the more bytes count.
    whole, longest = (2, 4) if len(first) == 4 else (6, 8)
    while whole < longest and first[:whole] == second[:whole]:
        whole += 1
    return b"\xff" * whole + b"\x55" * (len(first) - whole)
