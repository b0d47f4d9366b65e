"""Ids of nodes: 160 bits in the space where keys lie too, and how near two of them are.

The rule: nearness is XOR (Kademlia), so numbers compare it; bytes are for the wire. A node on the open Internet has no
free choice of its id, but one of eight that its address allows (BEP 42).
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TypeAlias

from p2p_node.wire.address import parsed
from p2p_node.wire.crc32c import crc32c
from p2p_node.wire.krpc import ID

NodeId: TypeAlias = bytes

BITS = 8 * ID

_MASK_V4 = bytes.fromhex("030f3fff")
_MASK_V6 = bytes.fromhex("0103070f1f3f7fff")
"""What of an address goes into an id (BEP 42): fewer ids to choose from the larger a network is."""


def number_of(node_id: bytes) -> int:
    """The id as a number, to be compared by XOR."""
    return int.from_bytes(node_id, "big")


def shared_bits(one: int, other: int) -> int:
    """How many leading bits two ids have in common; BITS when they are equal."""
    return BITS - (one ^ other).bit_length()


def random_id(rng: Random) -> NodeId:
    """Any id."""
    return rng.randbytes(ID)


def random_near(own: int, shared: int, rng: Random) -> NodeId:
    """An id that has exactly so many leading bits in common with `own`."""
    rest = BITS - shared - 1
    return ((own >> rest ^ 1) << rest | rng.getrandbits(rest)).to_bytes(ID, "big")


def id_for(host: str, rng: Random) -> NodeId:
    """An id that a node at this address may have: any for a local address, which nobody outside sees."""
    if is_local(host):
        return random_id(rng)
    salt = rng.randrange(256)
    prefix = _prefix(host, salt)
    head = (prefix >> 8 & 0xFFFFF8) | rng.randrange(8)
    return head.to_bytes(3, "big") + rng.randbytes(ID - 4) + bytes([salt])


def is_allowed(node_id: NodeId, host: str) -> bool:
    """Whether a node at this address may have this id (BEP 42)."""
    return is_local(host) or (number_of(node_id[:4]) ^ _prefix(host, node_id[-1])) >> 11 == 0


@lru_cache(4096)
def is_local(host: str) -> bool:
    """Whether an address belongs to some private network, where BEP 42 and limits by subnet make no sense: who is there
    was let in, and a laboratory may well be one subnet."""
    address = parsed(host)
    return address.is_private or address.is_link_local or address.is_loopback


@lru_cache(4096)
def subnet(host: str) -> str:
    """The network that somebody who holds one address most likely holds all of: a /24, or of IPv6 a /48."""
    packed = parsed(host).packed
    return packed[: 3 if len(packed) == 4 else 6].hex()


def _prefix(host: str, salt: int) -> int:
    """The 32 bits of which an id must begin with the first 21."""
    packed = parsed(host).packed
    mask = _MASK_V4 if len(packed) == 4 else _MASK_V6
    masked = bytearray(byte & keep for byte, keep in zip(packed, mask, strict=False))
    masked[0] |= (salt & 7) << 5
    return crc32c(bytes(masked))
