"""Which bytes a Range header selects (RFC 9110 section 14). The rule: one range or the whole, never many.

Answering several ranges is optional (section 14.2) and has been a way to exhaust servers (CVE-2011-3192,
CVE-2025-62727); a request for more than one gets the full content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SINGLE = re.compile(rb"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
_LONGEST = 128
"""Characters of a Range header worth reading: two 64-bit numbers need 47; a longer one is ignored, as allowed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Unsatisfiable(Exception):
    """The range lies outside the content: 416."""


def select(header: bytes | None, size: int) -> Span | None:
    """The one range asked for, clipped to `size` bytes, or None for the whole. Raises Unsatisfiable."""
    if header is None or len(header) > _LONGEST:
        return None
    match = _SINGLE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return _suffix(int(match[2]), size)
    start = int(match[1])
    last = int(match[2]) if match[2] else max(start, size - 1)
    if last < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(last + 1, size))


def _suffix(length: int, size: int) -> Span:
    if length == 0 or size == 0:
        raise Unsatisfiable
    return Span(max(0, size - length), size)
