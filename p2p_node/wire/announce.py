"""Tracker announces over HTTP (BEP 3, compact replies of BEP 23 and BEP 7): both ends' encoding and decoding."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, urlsplit

import msgspec

from p2p_node.wire import bencoding
from p2p_node.wire.address import Address as Address
from p2p_node.wire.address import canonical_host, pack_addresses
from p2p_node.wire.address import pack_address as pack_address
from p2p_node.wire.address import unpack_addresses as unpack_addresses
from p2p_node.wire.errors import ProtocolError

MAX_INTERVAL_S = 1 << 31
"""Seconds beyond which an interval is nonsense; what the UDP protocol's field could carry."""

MAX_TRACKER_ID = 256
"""Bytes of a tracker id that are sent back; it travels in every URL."""


class Event(StrEnum):
    """Why an announce is made."""

    STARTED = "started"
    COMPLETED = "completed"
    STOPPED = "stopped"
    PAUSED = "paused"
    """The peer downloads no more although it lacks pieces: a partial seed (BEP 21)."""
    REGULAR = ""


class Announce(msgspec.Struct, frozen=True):
    """A peer tells a tracker what it is doing, and asks for other peers.

    `wanted` is -1 for as many as the tracker likes; `key` is a secret by which a peer is known again when its address
    changed. With port 0 a peer asks without being told of: nobody could dial it.
    """

    info_hash: bytes
    peer_id: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: Event
    wanted: int
    key: int = 0
    tracker_id: bytes = b""


class AnnounceReply(msgspec.Struct, frozen=True):
    """A tracker's answer: the seconds until the next announce, never less than `min_interval`, and some peers."""

    interval: float
    peers: tuple[Address, ...]
    seeds: int = 0
    leeches: int = 0
    min_interval: float = 0.0
    warning: str = ""
    tracker_id: bytes = b""


def inquiry(info_hash: bytes, peer_id: bytes = bytes(20), wanted: int = -1) -> Announce:
    """The announce of who asks for peers, and wants nobody to hear of itself."""
    return Announce(info_hash, peer_id, 0, 0, 0, 1, Event.REGULAR, wanted)


def announce_url(tracker: str, announce: Announce) -> str:
    """The URL to GET for this announce; whatever query the tracker's URL has (a passkey) is kept."""
    info_hash = quote_from_bytes(announce.info_hash, safe="")
    peer_id = quote_from_bytes(announce.peer_id, safe="")
    query = (
        f"info_hash={info_hash}&peer_id={peer_id}&port={announce.port}&uploaded={announce.uploaded}"
        f"&downloaded={announce.downloaded}&left={announce.left}&compact=1&numwant={announce.wanted}"
        f"&key={announce.key:08x}"
    )
    if announce.event:
        query += f"&event={announce.event}"
    if announce.tracker_id:
        query += f"&trackerid={quote_from_bytes(announce.tracker_id, safe='')}"
    return with_query(tracker, query)


def with_query(url: str, query: str) -> str:
    """The URL with this added to its query; a fragment, which is never sent, is dropped."""
    url = url.partition("#")[0]
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


def decode_announce(query: str) -> Announce:
    """Read an announce's query string; raises ProtocolError naming the parameter.

    Addresses that a peer claims for itself (`ip`, `ipv4`, `ipv6`) are not believed: whoever names a victim's would turn
    the swarm on it. Every reply is compact, whatever `compact` says, as BEP 23 allows.
    """
    # Binary parameters travel as percent-escapes of raw bytes; latin-1 keeps them one to one.
    fields = dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))
    return Announce(
        info_hash=_binary(fields, "info_hash"),
        peer_id=_binary(fields, "peer_id"),
        port=_number(fields, "port", 0, 65535),
        uploaded=_number(fields, "uploaded", 0, 1 << 63, default=0),
        downloaded=_number(fields, "downloaded", 0, 1 << 63, default=0),
        left=_number(fields, "left", 0, 1 << 63, default=0),
        event=_event(fields.get("event", "")),
        wanted=_number(fields, "numwant", -1, 1 << 31, default=-1),
        key=_key(fields.get("key", "")),
        tracker_id=fields.get("trackerid", "").encode("latin-1", errors="replace")[:MAX_TRACKER_ID],
    )


def encode_reply(reply: AnnounceReply) -> bytes:
    """A compact reply."""
    table: dict[bytes, Any] = {
        b"interval": int(reply.interval),
        b"complete": reply.seeds,
        b"incomplete": reply.leeches,
        b"peers": pack_addresses(reply.peers),
    }
    if peers6 := pack_addresses(reply.peers, ipv6=True):
        table[b"peers6"] = peers6
    if reply.min_interval:
        table[b"min interval"] = int(reply.min_interval)
    if reply.warning:
        table[b"warning message"] = reply.warning.encode()
    if reply.tracker_id:
        table[b"tracker id"] = reply.tracker_id
    return bencoding.encode(table)


def encode_failure(reason: str) -> bytes:
    """A reply that says why an announce was refused."""
    return bencoding.encode({b"failure reason": reason.encode()})


def decode_reply(data: bytes) -> AnnounceReply:
    """Read a reply, compact or of dictionaries; raises ProtocolError, also for a refusal."""
    reply = decode_answer(data)
    interval = reply.get(b"interval")
    if not isinstance(interval, int) or not 0 <= interval <= MAX_INTERVAL_S:
        raise ProtocolError("tracker reply without a sensible interval")
    tracker_id = reply.get(b"tracker id")
    warning = reply.get(b"warning message")
    return AnnounceReply(
        interval=float(interval),
        peers=_peers(reply.get(b"peers", b""), False) + _peers(reply.get(b"peers6", b""), True),
        seeds=_count(reply, b"complete"),
        leeches=_count(reply, b"incomplete"),
        min_interval=float(min(_count(reply, b"min interval"), MAX_INTERVAL_S)),
        warning="" if warning is None else as_text(warning),
        tracker_id=tracker_id if isinstance(tracker_id, bytes) and len(tracker_id) <= MAX_TRACKER_ID else b"",
    )


def decode_answer(data: bytes) -> dict[bytes, Any]:
    """The dictionary that any answer of a tracker is; raises ProtocolError, also for a refusal."""
    answer = bencoding.decode_dict(data)
    if b"failure reason" in answer:
        raise ProtocolError(f"tracker refused: {as_text(answer[b'failure reason'])}")
    return answer


def as_text(value: object) -> str:
    """What somebody else wrote for a person to read, cut to a line."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else repr(value)
    return "".join(character if character.isprintable() else " " for character in text[:200])


def _peers(peers: object, ipv6: bool) -> tuple[Address, ...]:
    if isinstance(peers, bytes):
        return unpack_addresses(peers, ipv6)
    if not isinstance(peers, list):
        raise ProtocolError("tracker reply whose peers are no list")
    return tuple(address for peer in peers if (address := _listed_address(peer)) is not None)


def _listed_address(peer: object) -> Address | None:
    host, port = (peer.get(b"ip"), peer.get(b"port")) if isinstance(peer, dict) else (None, None)
    if not isinstance(host, bytes) or not isinstance(port, int) or not 0 < port < 65536:
        raise ProtocolError("tracker reply with a malformed peer")
    try:
        return canonical_host(host.decode(errors="replace")), port
    except ValueError:
        return None  # BEP 3 allows a name, which nobody uses: not dialled


def _count(reply: dict[bytes, Any], key: bytes) -> int:
    value = reply.get(key, 0)
    return value if isinstance(value, int) and value > 0 else 0


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


def _key(text: str) -> int:
    # Any text will do as a key, and not every client sends 32 bits in hexadecimal: other ones are folded into them.
    try:
        return int(text or "0", 16) & 0xFFFFFFFF
    except ValueError:
        return zlib.crc32(text.encode(errors="replace"))
