"""One BPF filter for all hosts: the low 16 bits of a packet's address are the minor number of its HTB class.

A filter per host would be searched in line for every packet; this one costs the same for a thousand hosts as for one.
It is classic BPF because a rootless namespace may not load eBPF programs. pyroute2 knows only the latter, hence the
plugin.
"""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace
from typing import Any

from pyroute2 import protocols
from pyroute2.netlink import nla
from pyroute2.netlink.rtnl import tcmsg

NETWORK = "10.1.0.0/16"
_PREFIX = 0x0A01
MAJOR = 0x10000
"""Class handles are `1:minor`, as one 32-bit number: MAJOR | minor."""

# Offsets into a frame: 14 bytes of Ethernet header, then the IPv4 header (RFC 791 section 3.1).
SOURCE = 14 + 12
DESTINATION = 14 + 16

# Opcodes of classic BPF (Linux, Documentation/networking/filter.rst).
_LOAD_WORD, _LOAD_HALF = 0x20, 0x28
_JUMP_IF_EQUAL = 0x15
_AND, _OR = 0x54, 0x44
_RETURN_A, _RETURN_K = 0x16, 0x06

# Attribute types of this filter (linux/pkt_cls.h).
_TCA_BPF_OPS_LEN, _TCA_BPF_OPS = 4, 5


def _program(offset: int) -> list[tuple[int, int, int, int]]:
    """Class `1:low16(address)` for the lab's addresses, the unshaped `1:0` for anything else (127.0.0.1, IPv6)."""
    return [
        (_LOAD_HALF, 0, 0, offset),
        (_JUMP_IF_EQUAL, 0, 4, _PREFIX),
        (_LOAD_WORD, 0, 0, offset),
        (_AND, 0, 0, 0xFFFF),
        (_OR, 0, 0, MAJOR),
        (_RETURN_A, 0, 0, 0),
        (_RETURN_K, 0, 0, MAJOR),
    ]


def _attribute(kind: int, payload: bytes) -> bytes:
    header = struct.pack("=HH", 4 + len(payload), kind)
    return header + payload + b"\0" * (-len(payload) % 4)


def _options(request: dict[str, Any]) -> bytes:
    program = _program(request["offset"])
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    return _attribute(_TCA_BPF_OPS_LEN, struct.pack("=H", len(program))) + _attribute(_TCA_BPF_OPS, instructions)


def _complete(request: dict[str, Any]) -> None:
    del request["offset"]
    request["info"] = socket.htons(protocols.ETH_P_ALL) | 1 << 16  # any protocol, priority 1


tcmsg.plugins["bpf"] = SimpleNamespace(options=nla.hex, get_parameters=_options, fix_request=_complete)


def add(ip: Any, index: int, *, offset: int) -> None:
    """Classify what leaves interface `index` by the address at `offset` of the frame."""
    ip.tc("add-filter", "bpf", index, parent=MAJOR, offset=offset)
