"""Sizes, rates and times as people write them: `16MiB`, `8mbit`, `20s`.

Sizes become bytes, rates bytes per second, times seconds. Rates follow tc: `mbit` is 10^6 bits per second, `mbps` 10^6
bytes per second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

UNLIMITED = "unlimited"
"""The rate of a link that nothing limits."""

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")

_SIZES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_RATES = {
    "bit": 1 / 8,
    "kbit": 1e3 / 8,
    "mbit": 1e6 / 8,
    "gbit": 1e9 / 8,
    "bps": 1.0,
    "kbps": 1e3,
    "mbps": 1e6,
    "gbps": 1e9,
}
_TIMES = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "min": 60.0, "h": 3600.0}


def _parse(text: str, units: Mapping[str, float], what: str, example: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        known = ", ".join(unit for unit in units if unit)
        raise ValueError(f"{text!r} is not a {what}: write a number and one of {known}, as in {example}")
    return float(match[1]) * units[match[2]]


def parse_size(text: str) -> int:
    """Bytes in a size such as `16MiB`; raises ValueError."""
    size = _parse(text, _SIZES, "size", "16MiB")
    if not size.is_integer():
        raise ValueError(f"{text!r} is not a whole number of bytes")
    return int(size)


def parse_rate(text: str) -> float:
    """Bytes per second in a rate such as `8mbit`; raises ValueError."""
    return _parse(text, _RATES, "rate", "8mbit")


def parse_time(text: str) -> float:
    """Seconds in a time such as `20s`; raises ValueError."""
    return _parse(text, _TIMES, "time", "20s")


def format_size(size: float) -> str:
    """A size for people, in binary units: `8 MiB`, `1.5 GiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size:.0f} B"


def format_rate(rate: float) -> str:
    """A rate (bytes per second) for people, in bits: `8 Mbit/s`."""
    if rate <= 0 or math.isinf(rate):
        return UNLIMITED if rate else "0 bit/s"
    bits = rate * 8
    for unit, factor in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if bits >= factor:
            return f"{bits / factor:.4g} {unit}"
    return f"{bits:.0f} bit/s"
