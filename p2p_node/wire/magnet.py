"""Magnet links (BEP 9, v2 by BEP 52): a torrent's hash, and where to ask for the rest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import parse_qsl, quote

import msgspec

from p2p_node.wire.address import Address, parse_address
from p2p_node.wire.errors import MagnetError

SCHEME = "magnet:"
MAX_LINK = 64 * 1024
"""Longest link read."""

MAX_VALUES = 100
"""Trackers, web seeds and peers taken from one link, of each."""

_V1, _V2 = "urn:btih:", "urn:btmh:"
_SHA256 = b"\x12\x20"
"""Multihash: a SHA-256 of 32 bytes follows."""


class Magnet(msgspec.Struct, frozen=True):
    """What a link says. At least one of the hashes is there: SHA-1 (v1), SHA-256 (v2) of the info dictionary."""

    info_hash_v1: bytes | None = None
    info_hash_v2: bytes | None = None
    name: str | None = None
    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    peers: tuple[Address, ...] = ()

    @property
    def info_hash(self) -> bytes:
        """The 20 bytes by which peers and trackers know the torrent."""
        return self.info_hash_v1 or (self.info_hash_v2 or b"")[:20]

    @property
    def info_hashes(self) -> tuple[bytes, ...]:
        """All of them: a hybrid torrent has two."""
        hashes = self.info_hash_v1, self.info_hash_v2
        return tuple(info_hash[:20] for info_hash in hashes if info_hash is not None)

    def encode(self) -> str:
        """The link."""
        parts = []
        if self.info_hash_v1 is not None:
            parts.append(f"xt={_V1}{self.info_hash_v1.hex()}")
        if self.info_hash_v2 is not None:
            parts.append(f"xt={_V2}{(_SHA256 + self.info_hash_v2).hex()}")
        if self.name is not None:
            parts.append(f"dn={quote(self.name, safe='')}")
        parts += [f"tr={quote(url, safe='')}" for url in self.trackers]
        parts += [f"ws={quote(url, safe='')}" for url in self.web_seeds]
        parts += [f"x.pe={_format_address(address)}" for address in self.peers]
        return f"{SCHEME}?{'&'.join(parts)}"

    @classmethod
    def decode(cls, link: str) -> Magnet:
        """Read a link; raises MagnetError saying what is wrong. Unknown parameters are ignored."""
        if len(link) > MAX_LINK:
            raise MagnetError(f"the magnet link has {len(link)} characters, more than {MAX_LINK}")
        if not link.lower().startswith(SCHEME + "?"):
            raise MagnetError(f"{link[:60]!r} is not a magnet link")
        fields: dict[str, list[str]] = {}
        for key, value in parse_qsl(link[len(SCHEME) + 1 :]):
            # Several topics may be numbered: xt.1, xt.2, …
            name = key.rstrip("0123456789").removesuffix(".") if key.startswith(("xt.", "tr.")) else key
            fields.setdefault(name, []).append(value)
        topics = fields.get("xt", [])
        v1, v2 = _first_hash(topics, _V1, _decode_v1), _first_hash(topics, _V2, _decode_v2)
        if v1 is None and v2 is None:
            raise MagnetError("the magnet link has no BitTorrent hash (xt=urn:btih:… or urn:btmh:…)")
        return cls(
            v1,
            v2,
            next(iter(fields.get("dn", [])), None),
            tuple(fields.get("tr", [])[:MAX_VALUES]),
            tuple(fields.get("ws", [])[:MAX_VALUES]),
            tuple(_decode_address(text) for text in fields.get("x.pe", [])[:MAX_VALUES]),
        )


def _first_hash(topics: list[str], prefix: str, decode: Callable[[str], bytes]) -> bytes | None:
    found = (topic[len(prefix) :] for topic in topics if topic.lower().startswith(prefix))
    return next((decode(text) for text in found), None)


def _decode_v1(text: str) -> bytes:
    try:
        raw = base64.b32decode(text.upper()) if len(text) == 32 else bytes.fromhex(text)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 20:
        raise MagnetError(f"{_V1}{text[:60]} is not a hash of 40 hexadecimal or 32 base32 digits")
    return raw


def _decode_v2(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 34 or not raw.startswith(_SHA256):
        raise MagnetError(f"{_V2}{text[:80]} is not a SHA-256 multihash (1220 and 64 hexadecimal digits)")
    return raw[2:]


def _format_address(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _decode_address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError:
        raise MagnetError(f"x.pe={text[:60]} is not an IP address and a port") from None
