"""Sets of pieces as integers: bit p stands for piece p. Set algebra on them costs nanoseconds at any torrent's size."""

from __future__ import annotations

from collections.abc import Iterator

from p2p_node.wire.errors import ProtocolError

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def from_bitfield(bits: bytes, count: int) -> int:
    """The set in a BEP 3 bitfield of `count` pieces; raises ProtocolError on a wrong length or set spare bits."""
    if len(bits) != (count + 7) // 8:
        raise ProtocolError(f"bitfield of {len(bits)} bytes for {count} pieces")
    mask = int.from_bytes(bits.translate(_REVERSED), "little")
    if mask >> count:
        raise ProtocolError("bitfield with spare bits set")
    return mask


def to_bitfield(mask: int, count: int) -> bytes:
    """The BEP 3 bitfield of a set of `count` pieces."""
    return mask.to_bytes((count + 7) // 8, "little").translate(_REVERSED)


def members(mask: int) -> Iterator[int]:
    """The pieces in a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def first(mask: int, start: int) -> int:
    """The first piece at or after `start` in a non-empty set, wrapping round."""
    tail = mask >> start
    if tail:
        return start + (tail & -tail).bit_length() - 1
    return (mask & -mask).bit_length() - 1


def run_length(mask: int) -> int:
    """How many consecutive pieces, from the first on, are in a set."""
    behind = ~mask
    return (behind & -behind).bit_length() - 1


def longest_run(mask: int) -> tuple[int, int]:
    """The longest run of consecutive pieces in a non-empty set, the first of several: where it starts, how many."""
    best, longest, offset = 0, 0, 0
    while mask:
        gap = (mask & -mask).bit_length() - 1
        length = run_length(mask >> gap)
        if length > longest:
            best, longest = offset + gap, length
        mask >>= gap + length
        offset += gap + length
    return best, longest
