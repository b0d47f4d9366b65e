"""Spoils valid inputs where it hurts: numbers, lengths, and the joints between parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

LONGEST = 4096
"""Bytes of an input; what is wrong with a decoder shows in short ones."""

_DIGITS = re.compile(rb"\d+")
_NUMBERS = (b"0", b"00", b"-0", b"-1", b"1", b"255", b"65536", b"4294967296", b"9223372036854775808", b"9" * 40, b"")
_WORDS = tuple(
    number.to_bytes(size, "big")
    for size in (1, 2, 4, 8)
    for number in (0, 1, 5, 13, (1 << (8 * size - 1)) - 1, 1 << (8 * size - 1), (1 << (8 * size)) - 1)
)
_TOKENS = (b"d", b"l", b"e", b"i", b":", b"0:", b"1:a", b"le", b"de", b"i0e", b"i-0e", b"i01e", b"%", b"%0", b"&", b"=")


def _flip(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _overwrite(data: bytes, rng: Random) -> bytes:
    at, word = rng.randrange(len(data)), rng.choice(_WORDS)
    return data[:at] + word + data[at + len(word) :]


def _renumber(data: bytes, rng: Random) -> bytes:
    found = [match.span() for match in _DIGITS.finditer(data, rng.randrange(len(data)))][:4]
    if not found:
        return _overwrite(data, rng)
    start, end = rng.choice(found)
    number = rng.choice(_NUMBERS) if rng.random() < 0.5 else b"%d" % (int(data[start:end][:19]) + rng.choice((-1, 1)))
    return data[:start] + number + data[end:]


def _insert(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + (rng.choice(_TOKENS) if rng.random() < 0.7 else rng.randbytes(rng.randrange(1, 9))) + data[at:]


def _remove(data: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 9) :]


def _repeat(data: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(data))
    part = data[start : start + rng.randrange(1, 33)]
    return data[:start] + part * rng.choice((2, 2, 2, 120)) + data[start:]


def _truncate(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _overwrite,
    _renumber,
    _renumber,
    _insert,
    _remove,
    _repeat,
    _truncate,
)


def mutated(corpus: Sequence[bytes], rng: Random) -> bytes:
    """A hostile input: mostly something valid with a few faults, else two things spliced, or noise."""
    fate = rng.random()
    if fate < 0.05:
        return rng.randbytes(rng.randrange(64))
    data = rng.choice(corpus)
    if fate < 0.15:
        other = rng.choice(corpus)
        data = data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.randrange(1, 4)):
        if data:
            data = rng.choice(_WAYS)(data, rng)
    return data[:LONGEST]
