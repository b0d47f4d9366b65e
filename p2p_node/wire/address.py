"""Where a peer is: an IP address and a port, and their compact form (BEP 23 for IPv4, BEP 7 for IPv6).

The rule: a host is text in its canonical form, and an IPv4 address mapped into IPv6 is that IPv4 address, so that equal
addresses compare equal however they came.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from p2p_node.wire.errors import ProtocolError

Address: TypeAlias = tuple[str, int]
"""An IP address, as text, and a port."""

_PORT = 2
IPV4 = 4 + _PORT
IPV6 = 16 + _PORT
"""Bytes of an address and port in compact form."""


def canonical_host(host: str) -> str:
    """An IP address in the one form that is used here, its scope left out; raises ValueError for anything else."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


REMEMBERED = 1 << 14
"""Addresses remembered in the forms they come in, some 300 bytes each: a crowd names the same thousand to each other
all the time, and reading them anew cost a sixth of its CPU time."""


@lru_cache(REMEMBERED)
def parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """A host as an object that can be asked what it is; raises ValueError."""
    return ipaddress.ip_address(host)


def is_ipv6(host: str) -> bool:
    """Whether this canonical host is an IPv6 address."""
    return ":" in host


def is_loopback(host: str) -> bool:
    """Whether all of this address is one machine, where any number of nodes may share an address."""
    return host.startswith("127.") or host == "::1"


def parse_address(text: str) -> Address:
    """The address in `192.0.2.1:6881` or `[2001:db8::1]:6881`; raises ValueError."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16 or is_ipv6(host) == (bare == host):
        raise ValueError(f"{text[:60]} is not an IP address and a port")
    return canonical_host(bare), int(port)


def pack_address(address: Address) -> bytes:
    """An address and port in 6 bytes, or 18 for IPv6."""
    if not is_ipv6(address[0]):  # as with reading
        return bytes(map(int, address[0].split("."))) + address[1].to_bytes(_PORT, "big")
    return ipaddress.ip_address(address[0]).packed + address[1].to_bytes(_PORT, "big")


@lru_cache(REMEMBERED)
def unpack_address(data: bytes) -> Address:
    """The address and port in 6 bytes, or 18 for IPv6."""
    if len(data) == IPV4:  # ten times as fast
        return f"{data[0]}.{data[1]}.{data[2]}.{data[3]}", data[4] << 8 | data[5]
    return canonical_host(str(ipaddress.ip_address(data[:-_PORT]))), int.from_bytes(data[-_PORT:], "big")


def pack_addresses(addresses: Iterable[Address], ipv6: bool = False) -> bytes:
    """The compact list of those addresses that are of this family."""
    return b"".join(pack_address(address) for address in addresses if is_ipv6(address[0]) == ipv6)


def unpack_addresses(data: bytes, ipv6: bool = False) -> tuple[Address, ...]:
    """The addresses in a compact list of one family; raises ProtocolError. Port 0 cannot be dialled and is left out."""
    size = IPV6 if ipv6 else IPV4
    if len(data) % size:
        raise ProtocolError(f"compact peers of {len(data)} bytes")
    found = (unpack_address(data[at : at + size]) for at in range(0, len(data), size))
    return tuple(address for address in found if address[1])


def pack_mixed(addresses: Iterable[Address]) -> bytes:
    """A compact list of both families: a byte that counts those of IPv4, they, and those of IPv6."""
    addresses = tuple(addresses)
    count = sum(not is_ipv6(host) for host, _ in addresses)
    return bytes([count]) + pack_addresses(addresses) + pack_addresses(addresses, ipv6=True)


def unpack_mixed(data: bytes, most: int) -> tuple[Address, ...]:
    """The addresses in a compact list of both families; raises ProtocolError when there are too many, too."""
    middle = 1 + IPV4 * data[0] if data else 1
    if len(data) < middle:
        raise ProtocolError("compact list that is cut short")
    found = unpack_addresses(data[1:middle]) + unpack_addresses(data[middle:], ipv6=True)
    if len(found) > most:
        raise ProtocolError(f"compact list of {len(found)} addresses")
    return found
