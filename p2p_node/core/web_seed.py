"""One web seed (BEP 19): an HTTP server that has the content, as a source beside the peers. State only.

What it is asked for is a *range*: a run of missing blocks that takes a few seconds at the server's pace, so that what
is left can still be shared out anew.
"""

from __future__ import annotations

from random import Random
from urllib.parse import quote, urlsplit

from p2p_node.core.rates import Rate
from p2p_node.wire.announce import Address
from p2p_node.wire.metainfo import Metainfo

RANGE_S = 4.0
"""How long a range is to take: long beside a round trip, short beside a download."""

MIN_RANGE, MAX_RANGE = 64 * 1024, 8 << 20
"""Bounds of a range in bytes; the lower is also that of the first, when the server's pace is not known."""

RETRY_S, MAX_RETRY_S = 2.0, 300.0
"""After a failure the wait doubles from the first to the second of these, and is up to half as long again, lest all
peers come back at once."""

LONGEST_WISH_S = 3600.0
"""A server that asks for a longer pause (Retry-After) is asked again after this."""


def usable(url: str) -> bool:
    """Whether this is a URL that can be fetched from; BEP 19 asks to ignore others."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def file_url(url: str, metainfo: Metainfo, path: tuple[str, ...]) -> str:
    """Where a file is: a URL that ends in a slash lacks the torrent's name, one of several files their paths too."""
    if not path:
        return url + quote(metainfo.name, safe="") if url.endswith("/") else url
    return "/".join([url.removesuffix("/"), *(quote(part, safe="") for part in (metainfo.name, *path))])


class Range:
    """Bytes of the content under way. Whole blocks came up to `at`; files are asked for one by one, up to `asked`."""

    __slots__ = ("asked", "at", "end", "number", "rest", "seed", "touched")

    def __init__(self, number: int, seed: WebSeed, start: int, end: int, now: float) -> None:
        self.number = number
        self.seed = seed
        self.at = self.asked = start
        self.end = end
        self.rest = bytearray()
        """The beginning of the next block."""
        self.touched = now
        """When bytes last came."""


class WebSeed:
    """A server's pace and its failures. `address` stands for it where peers have theirs: its URL and no port."""

    __slots__ = ("address", "failures", "rate", "ready_at", "under_way", "url")

    def __init__(self, base: str, now: float) -> None:
        self.url = base
        self.address: Address = (base, 0)
        self.rate = Rate(now)
        self.under_way = 0
        """Ranges asked for and not here yet."""
        self.failures = 0
        """In a row."""
        self.ready_at = now

    @property
    def proven(self) -> bool:
        """Whether it ever sent anything, and nothing went wrong since."""
        return bool(self.rate.total) and not self.failures

    def wait(self, size: int, now: float) -> float:
        """Seconds until it will have sent so many bytes of a range."""
        return size * self.under_way / max(self.rate.per_second(now), 1.0)

    def range_size(self, now: float) -> int:
        """Bytes to ask it for at a time."""
        return min(max(int(self.rate.per_second(now) * RANGE_S), MIN_RANGE), MAX_RANGE)

    def succeeded(self) -> None:
        """A range came."""
        self.failures = 0

    def failed(self, wish: float | None, rng: Random, now: float) -> None:
        """A range did not come; the server may have said how long to leave it alone, in seconds."""
        wait = min(RETRY_S * 2.0 ** min(self.failures, 16), MAX_RETRY_S) * rng.uniform(1.0, 1.5)
        self.failures += 1
        self.ready_at = max(self.ready_at, now + max(wait, min(wish or 0.0, LONGEST_WISH_S)))
