"""Tracker announces over HTTP (BEP 3, compact replies of BEP 23): both ends' encoding and decoding."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import parse_qsl, quote_from_bytes, urlsplit

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.errors import ProtocolError

Address: TypeAlias = tuple[str, int]
"""An IP address and a port."""

_COMPACT = 6
"""Bytes of an IPv4 address and port in a compact reply."""


_LONGEST_INTERVAL = 1 << 31
"""Seconds; a tracker that names more, up to numbers no float can hold, means never."""


class Event(StrEnum):
    """Why an announce is made."""

    STARTED = "started"
    COMPLETED = "completed"
    STOPPED = "stopped"
    REGULAR = ""


class Announce(msgspec.Struct, frozen=True):
    """A peer tells a tracker what it is doing, and asks for other peers."""

    info_hash: bytes
    peer_id: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: Event
    wanted: int


class AnnounceReply(msgspec.Struct, frozen=True):
    """A tracker's answer: the seconds until the next announce, and some peers."""

    interval: float
    peers: tuple[Address, ...]
    seeds: int = 0
    leeches: int = 0


def announce_url(tracker: str, announce: Announce) -> str:
    """The URL to GET for this announce; whatever query the tracker's URL has (a passkey) is kept."""
    info_hash = quote_from_bytes(announce.info_hash, safe="")
    peer_id = quote_from_bytes(announce.peer_id, safe="")
    query = (
        f"info_hash={info_hash}&peer_id={peer_id}&port={announce.port}&uploaded={announce.uploaded}"
        f"&downloaded={announce.downloaded}&left={announce.left}&compact=1&numwant={announce.wanted}"
    )
    if announce.event:
        query += f"&event={announce.event}"
    return f"{tracker}{'&' if urlsplit(tracker).query else '?'}{query}"


def decode_announce(query: str) -> Announce:
    """Read an announce's query string; raises ProtocolError naming the parameter."""
    # Binary parameters travel as percent-escapes of raw bytes; latin-1 keeps them one to one.
    fields = dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))
    return Announce(
        info_hash=_binary(fields, "info_hash"),
        peer_id=_binary(fields, "peer_id"),
        port=_number(fields, "port", 1, 65535),
        uploaded=_number(fields, "uploaded", 0, 1 << 63, default=0),
        downloaded=_number(fields, "downloaded", 0, 1 << 63, default=0),
        left=_number(fields, "left", 0, 1 << 63, default=0),
        event=_event(fields.get("event", "")),
        wanted=_number(fields, "numwant", -1, 1 << 31, default=-1),
    )


def encode_reply(reply: AnnounceReply) -> bytes:
    """A compact reply."""
    return bencoding.encode(
        {
            b"interval": int(reply.interval),
            b"complete": reply.seeds,
            b"incomplete": reply.leeches,
            b"peers": b"".join(pack_address(address) for address in reply.peers),
        }
    )


def encode_failure(reason: str) -> bytes:
    """A reply that says why an announce was refused."""
    return bencoding.encode({b"failure reason": reason.encode()})


def decode_reply(data: bytes) -> AnnounceReply:
    """Read a reply, compact or of dictionaries; raises ProtocolError, also for a refusal."""
    reply = bencoding.decode_dict(data)
    if b"failure reason" in reply:
        raise ProtocolError(f"tracker refused: {_text(reply[b'failure reason'])}")
    interval = reply.get(b"interval")
    if not isinstance(interval, int) or interval < 0:
        raise ProtocolError("tracker reply without an interval")
    peers = reply.get(b"peers", b"")
    addresses = unpack_addresses(peers) if isinstance(peers, bytes) else _listed_addresses(peers)
    return AnnounceReply(interval=float(min(interval, _LONGEST_INTERVAL)), peers=addresses)


def pack_address(address: Address) -> bytes:
    """An IPv4 address and port in six bytes."""
    return ipaddress.IPv4Address(address[0]).packed + address[1].to_bytes(2, "big")


def unpack_addresses(data: bytes) -> tuple[Address, ...]:
    """The addresses in a compact list; raises ProtocolError. Port 0 cannot be dialled and is left out."""
    if len(data) % _COMPACT:
        raise ProtocolError(f"compact peers of {len(data)} bytes")
    found = (
        (str(ipaddress.IPv4Address(data[at : at + 4])), int.from_bytes(data[at + 4 : at + 6], "big"))
        for at in range(0, len(data), _COMPACT)
    )
    return tuple(address for address in found if address[1])


def _listed_addresses(peers: object) -> tuple[Address, ...]:
    if not isinstance(peers, list):
        raise ProtocolError("tracker reply whose peers are no list")
    found = []
    for peer in peers:
        host, port = (peer.get(b"ip"), peer.get(b"port")) if isinstance(peer, dict) else (None, None)
        if not isinstance(host, bytes) or not isinstance(port, int) or not 0 < port < 65536:
            raise ProtocolError("tracker reply with a malformed peer")
        try:
            found.append((str(ipaddress.IPv4Address(_text(host))), port))
        except ValueError:
            continue  # a name or an IPv6 address: not dialled
    return tuple(found)


def _binary(fields: dict[str, str], name: str) -> bytes:
    value = fields.get(name, "").encode("latin-1", errors="replace")
    if len(value) != 20:
        raise ProtocolError(f"{name} must be 20 bytes")
    return value


def _number(fields: dict[str, str], name: str, low: int, high: int, default: int | None = None) -> int:
    text = fields.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 20:
        raise ProtocolError(f"{name} must be a number")
    if not low <= int(text) <= high:
        raise ProtocolError(f"{name} is out of range")
    return int(text)


def _event(text: str) -> Event:
    try:
        return Event(text)
    except ValueError:
        return Event.REGULAR


def _text(value: object) -> str:
    return value.decode(errors="replace")[:200] if isinstance(value, bytes) else repr(value)[:200]
