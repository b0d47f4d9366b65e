"""CRC-32C (Castagnoli; RFC 3720, appendix B.4), by which addresses are ranked (BEP 40) and node ids bound (BEP 42)."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78
"""Reflected."""


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of a few bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
