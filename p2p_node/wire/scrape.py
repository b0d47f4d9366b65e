"""Scrapes over HTTP (BEP 48): how many peers a tracker knows in a swarm, without joining it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, urlsplit, urlunsplit

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.announce import decode_answer, with_query
from p2p_node.wire.errors import ProtocolError

MAX_SCRAPED = 70
"""Info-hashes in one scrape: what BEP 15 says a UDP scrape can carry ("about 74"), with room to spare."""

MAX_COUNT = (1 << 32) - 1
"""The largest count that the UDP form can carry."""


class SwarmCounts(msgspec.Struct, frozen=True):
    """A swarm in three numbers; `completed` is how many downloads were ever reported as finished."""

    seeds: int
    leeches: int
    completed: int


def scrape_url(tracker: str, info_hashes: Sequence[bytes]) -> str:
    """The URL to GET for a scrape of a tracker by its announce URL; raises ProtocolError where it has none (BEP 48)."""
    parts = urlsplit(tracker)
    directory, _, page = parts.path.rpartition("/")
    if not page.startswith("announce"):
        raise ProtocolError(f"tracker {tracker} cannot be scraped: its URL does not end in /announce")
    url = urlunsplit(parts._replace(path=f"{directory}/scrape{page.removeprefix('announce')}"))
    return with_query(url, "&".join(f"info_hash={quote_from_bytes(info_hash, safe='')}" for info_hash in info_hashes))


def decode_scrape(query: str) -> tuple[bytes, ...]:
    """The info-hashes that a scrape's query asks for; raises ProtocolError, also when it asks for none, meaning all."""
    fields = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    found = tuple(value.encode("latin-1", errors="replace") for name, value in fields if name == "info_hash")
    if not 0 < len(found) <= MAX_SCRAPED:
        raise ProtocolError(f"scrape 1 to {MAX_SCRAPED} torrents, not {len(found)}")
    if any(len(info_hash) != 20 for info_hash in found):
        raise ProtocolError("info_hash must be 20 bytes")
    return found


def encode_scrape_reply(counts: Mapping[bytes, SwarmCounts]) -> bytes:
    """The answer to a scrape."""
    files = {
        info_hash: {b"complete": swarm.seeds, b"downloaded": swarm.completed, b"incomplete": swarm.leeches}
        for info_hash, swarm in counts.items()
    }
    return bencoding.encode({b"files": files})


def decode_scrape_reply(data: bytes) -> dict[bytes, SwarmCounts]:
    """Read the answer to a scrape; raises ProtocolError, also for a refusal."""
    files = decode_answer(data).get(b"files")
    if not isinstance(files, dict):
        raise ProtocolError("scrape reply without files")
    return {info_hash: _counts(file) for info_hash, file in files.items()}


def _counts(file: Any) -> SwarmCounts:
    if not isinstance(file, dict):
        raise ProtocolError("scrape reply with a malformed file")
    numbers = [file.get(key, 0) for key in (b"complete", b"incomplete", b"downloaded")]
    if not all(isinstance(number, int) and 0 <= number <= MAX_COUNT for number in numbers):
        raise ProtocolError("scrape reply with a malformed count")
    return SwarmCounts(*numbers)
