"""The UDP tracker protocol (BEP 15): requests and replies as datagrams, for both ends.

Every datagram begins with what identifies it, so a stray one is told from an answer before its body is read.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TypeAlias

import msgspec

from p2p_node.wire.address import pack_addresses, unpack_addresses
from p2p_node.wire.announce import Announce, AnnounceReply, Event, as_text
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.scrape import MAX_COUNT, MAX_SCRAPED, SwarmCounts

MAGIC = 0x41727101980
"""Stands where a connection id would, in the request for one."""

_REQUEST = struct.Struct(">QII")
_ANNOUNCE = struct.Struct(">20s20sQQQIIIiH")
_REPLY = struct.Struct(">II")
_CONNECTED = struct.Struct(">Q")
_ANNOUNCED = struct.Struct(">III")
_COUNTS = struct.Struct(">III")

_EVENTS = (Event.REGULAR, Event.COMPLETED, Event.STARTED, Event.STOPPED)


class Action(IntEnum):
    """What a datagram is."""

    CONNECT = 0
    ANNOUNCE = 1
    SCRAPE = 2
    ERROR = 3


class Connect(msgspec.Struct, frozen=True):
    """Asks for a connection id: proof that the sender receives at the address it sends from."""


class Scrape(msgspec.Struct, frozen=True):
    """Asks for the counts of these swarms."""

    info_hashes: tuple[bytes, ...]


class Request(msgspec.Struct, frozen=True):
    """A question to a tracker; `connection` is the id it gave out, MAGIC in the question for one."""

    connection: int
    transaction: int
    question: Connect | Announce | Scrape


class Connected(msgspec.Struct, frozen=True):
    """The connection id."""

    connection: int


class Scraped(msgspec.Struct, frozen=True):
    """The counts, in the order in which they were asked for."""

    counts: tuple[SwarmCounts, ...]


class Refused(msgspec.Struct, frozen=True):
    """The tracker's words on why it gives no other answer."""

    reason: str


Answer: TypeAlias = Connected | AnnounceReply | Scraped | Refused


def encode_request(request: Request) -> bytes:
    """The datagram of a request."""
    match request.question:
        case Connect():
            return _REQUEST.pack(MAGIC, Action.CONNECT, request.transaction)
        case Scrape(info_hashes):
            return _REQUEST.pack(request.connection, Action.SCRAPE, request.transaction) + b"".join(info_hashes)
        case announce:
            return _REQUEST.pack(request.connection, Action.ANNOUNCE, request.transaction) + _pack_announce(announce)


def decode_request(data: bytes) -> Request:
    """Read a request; options behind an announce (BEP 41) are passed over. Raises ProtocolError."""
    if len(data) < _REQUEST.size:
        raise ProtocolError(f"UDP tracker request of {len(data)} bytes")
    connection, action, transaction = _REQUEST.unpack_from(data)
    body = data[_REQUEST.size :]
    if action == Action.CONNECT and connection == MAGIC:
        return Request(connection, transaction, Connect())
    if action == Action.ANNOUNCE and len(body) >= _ANNOUNCE.size:
        return Request(connection, transaction, _unpack_announce(body))
    if action == Action.SCRAPE and len(body) % 20 == 0 and 0 < len(body) // 20 <= MAX_SCRAPED:
        return Request(connection, transaction, Scrape(tuple(body[at : at + 20] for at in range(0, len(body), 20))))
    raise ProtocolError(f"malformed UDP tracker request {action}")


def encode_answer(transaction: int, answer: Answer, ipv6: bool = False) -> bytes:
    """The datagram of an answer; peers of the family over which it goes are told."""
    match answer:
        case Connected(connection):
            return _REPLY.pack(Action.CONNECT, transaction) + _CONNECTED.pack(connection)
        case Scraped(counts):
            packed = (_COUNTS.pack(swarm.seeds, swarm.completed, swarm.leeches) for swarm in counts)
            return _REPLY.pack(Action.SCRAPE, transaction) + b"".join(packed)
        case Refused(reason):
            return _REPLY.pack(Action.ERROR, transaction) + reason.encode()
        case reply:
            numbers = _ANNOUNCED.pack(int(reply.interval), min(reply.leeches, MAX_COUNT), min(reply.seeds, MAX_COUNT))
            return _REPLY.pack(Action.ANNOUNCE, transaction) + numbers + pack_addresses(reply.peers, ipv6)


def answered_transaction(data: bytes) -> int | None:
    """The transaction that a datagram claims to answer; None when it cannot be an answer."""
    return int(_REPLY.unpack_from(data)[1]) if len(data) >= _REPLY.size else None


def decode_answer(data: bytes, ipv6: bool = False) -> Answer:
    """Read an answer that came over this family; raises ProtocolError."""
    if len(data) < _REPLY.size:
        raise ProtocolError(f"UDP tracker answer of {len(data)} bytes")
    action, body = _REPLY.unpack_from(data)[0], data[_REPLY.size :]
    if action == Action.CONNECT and len(body) >= _CONNECTED.size:
        return Connected(*_CONNECTED.unpack_from(body))
    if action == Action.ANNOUNCE and len(body) >= _ANNOUNCED.size:
        interval, leeches, seeds = _ANNOUNCED.unpack_from(body)
        return AnnounceReply(float(interval), unpack_addresses(body[_ANNOUNCED.size :], ipv6), seeds, leeches)
    if action == Action.SCRAPE and len(body) % _COUNTS.size == 0:
        counts = (SwarmCounts(seeds, leeches, completed) for seeds, completed, leeches in _COUNTS.iter_unpack(body))
        return Scraped(tuple(counts))
    if action == Action.ERROR:
        return Refused(as_text(body.rstrip(b"\0")))
    raise ProtocolError(f"malformed UDP tracker answer {action}")


def _pack_announce(announce: Announce) -> bytes:
    event = _EVENTS.index(announce.event) if announce.event in _EVENTS else 0
    return _ANNOUNCE.pack(
        announce.info_hash,
        announce.peer_id,
        announce.downloaded,
        announce.left,
        announce.uploaded,
        event,
        0,  # the address is the one that the datagram comes from
        announce.key,
        announce.wanted,
        announce.port,
    )


def _unpack_announce(body: bytes) -> Announce:
    info_hash, peer_id, downloaded, left, uploaded, event, _, key, wanted, port = _ANNOUNCE.unpack_from(body)
    known = _EVENTS[event] if event < len(_EVENTS) else Event.REGULAR
    return Announce(info_hash, peer_id, port, uploaded, downloaded, left, known, max(wanted, -1), key)
