"""KRPC, the messages of the Mainline DHT (BEP 5), with nodes6 (BEP 32), the asker's address (BEP 42) and `ro` (BEP 43).

The rule: what cannot be understood never gets past `decode`; lists longer than anybody needs are cut, not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, TypeAlias

import msgspec

from p2p_node.wire.address import IPV4, IPV6, Address, is_ipv6, pack_address, unpack_address
from p2p_node.wire.bencoding import decode_dict, encode
from p2p_node.wire.errors import ProtocolError

ID = 20
"""Bytes of a node's id, and of a key."""

MAX_TRANSACTION = 20
"""Bytes of a transaction; real ones have two to eight. What is returned to whoever asks is bounded by it."""

MAX_TOKEN = 64
"""Bytes of a token; real ones have four to twenty."""

MAX_NODES = 16
"""Nodes read of a reply: BEP 5 says eight, some clients send twice as many."""

MAX_PEERS = 256
"""Peers read of a reply: what fits into the largest datagram that paths carry whole, and more."""


class Fault(IntEnum):
    """Codes of refusals (BEP 5)."""

    GENERIC = 201
    SERVER = 202
    PROTOCOL = 203
    UNKNOWN_METHOD = 204


class KrpcError(ProtocolError):
    """A query that cannot be answered, but for a refusal with this fault under this transaction."""

    def __init__(self, fault: Fault, transaction: bytes, text: str) -> None:
        super().__init__(text)
        self.fault = fault
        self.transaction = transaction


class NodeInfo(msgspec.Struct, frozen=True, gc=False):
    """A node: its id and its UDP address."""

    id: bytes
    address: Address


class Ping(msgspec.Struct, frozen=True):
    """Are you there?"""


class FindNode(msgspec.Struct, frozen=True):
    """Which nodes do you know that are closest to this id?"""

    target: bytes


class GetPeers(msgspec.Struct, frozen=True):
    """Who has the torrent of this key, and which nodes are closest to it?"""

    key: bytes


class AnnouncePeer(msgspec.Struct, frozen=True):
    """I have the torrent, on this TCP port; `implied`: rather on the port that this came from, if you understand that.
    The token is yours."""

    key: bytes
    port: int
    token: bytes
    implied: bool = False


Question: TypeAlias = Ping | FindNode | GetPeers | AnnouncePeer


class Query(msgspec.Struct, frozen=True):
    """A question of the node `sender`; one that is read-only answers none itself, and belongs in nobody's table."""

    transaction: bytes
    sender: bytes
    question: Question
    read_only: bool = False


class Answer(msgspec.Struct, frozen=True):
    """The answer of the node `sender`. `asker` is where the question came from, as it saw it."""

    transaction: bytes
    sender: bytes
    nodes: tuple[NodeInfo, ...] = ()
    peers: tuple[Address, ...] = ()
    token: bytes | None = None
    asker: Address | None = None


class Refusal(msgspec.Struct, frozen=True):
    """No other answer is given, for this reason."""

    transaction: bytes
    code: int
    text: str


KrpcMessage: TypeAlias = Query | Answer | Refusal


def looks_like(data: bytes) -> bool:
    """Whether a datagram is of this protocol: a dictionary, which no other on the same port begins with."""
    return data[:1] == b"d"


def pack_node(node: NodeInfo) -> bytes:
    """A node in 26 bytes, or 38 with IPv6."""
    return node.id + pack_address(node.address)


def encode_query(query: Query) -> bytes:
    """The datagram of a query."""
    method, arguments = _question(query.question)
    message: dict[bytes, Any] = {b"a": {b"id": query.sender, **arguments}, b"q": method}
    if query.read_only:
        message[b"ro"] = 1
    return encode(message | {b"t": query.transaction, b"y": b"q"})


def encode_answer(answer: Answer) -> bytes:
    """The datagram of an answer."""
    ipv6 = [is_ipv6(node.address[0]) for node in answer.nodes]
    nodes = b"".join(pack_node(node) for node, six in zip(answer.nodes, ipv6, strict=True) if not six)
    nodes6 = b"".join(pack_node(node) for node, six in zip(answer.nodes, ipv6, strict=True) if six)
    peers = [pack_address(peer) for peer in answer.peers]
    return encode_packed(answer.transaction, answer.sender, nodes, nodes6, peers, answer.token, answer.asker)


def encode_packed(
    transaction: bytes,
    sender: bytes,
    nodes: bytes = b"",
    nodes6: bytes = b"",
    peers: Iterable[bytes] = (),
    token: bytes | None = None,
    asker: Address | None = None,
) -> bytes:
    """Like `encode_answer`, of nodes and peers that are packed already."""
    values: dict[bytes, Any] = {b"id": sender}
    if nodes:
        values[b"nodes"] = nodes
    if nodes6:
        values[b"nodes6"] = nodes6
    if token is not None:
        values[b"token"] = token
    if listed := list(peers):
        values[b"values"] = listed
    message: dict[bytes, Any] = {b"r": values, b"t": transaction, b"y": b"r"}
    if asker is not None:
        message[b"ip"] = pack_address(asker)
    return encode(message)


def encode_refusal(refusal: Refusal) -> bytes:
    """The datagram of a refusal."""
    return encode({b"e": [refusal.code, refusal.text.encode()], b"t": refusal.transaction, b"y": b"e"})


def decode(data: bytes) -> KrpcMessage:
    """Read a message; raises KrpcError for a query that deserves a refusal, ProtocolError for anything else."""
    message = decode_dict(data)
    transaction = message.get(b"t")
    if not isinstance(transaction, bytes) or not 0 < len(transaction) <= MAX_TRANSACTION:
        raise ProtocolError("KRPC message without a usable transaction")
    match message.get(b"y"):
        case b"q":
            return _read_query(message, transaction)
        case b"r":
            return _read_answer(message, transaction)
        case b"e":
            return _read_refusal(message.get(b"e"), transaction)
    raise ProtocolError("KRPC message of unknown type")


def _question(question: Question) -> tuple[bytes, dict[bytes, Any]]:
    match question:
        case Ping():
            return b"ping", {}
        case FindNode(target):
            return b"find_node", {b"target": target}
        case GetPeers(key):
            return b"get_peers", {b"info_hash": key}
        case AnnouncePeer(key, port, token, implied):
            arguments = {b"info_hash": key, b"port": port, b"token": token}
            return b"announce_peer", {b"implied_port": 1, **arguments} if implied else arguments


def _read_query(message: Mapping[bytes, Any], transaction: bytes) -> Query:
    arguments, method = message.get(b"a"), message.get(b"q")
    if not isinstance(arguments, dict) or not _is_id(arguments.get(b"id")):
        raise KrpcError(Fault.PROTOCOL, transaction, "query without an id")
    question: Question
    match method:
        case b"ping":
            question = Ping()
        case b"find_node":
            question = FindNode(_id(arguments, b"target", transaction))
        case b"get_peers":
            question = GetPeers(_id(arguments, b"info_hash", transaction))
        case b"announce_peer":
            question = _read_announce(arguments, transaction)
        case _:
            raise KrpcError(Fault.UNKNOWN_METHOD, transaction, "unknown method")
    return Query(transaction, arguments[b"id"], question, message.get(b"ro") == 1)


def _read_announce(arguments: Mapping[bytes, Any], transaction: bytes) -> AnnouncePeer:
    key = _id(arguments, b"info_hash", transaction)
    token, port = arguments.get(b"token"), arguments.get(b"port")
    if not isinstance(token, bytes) or not 0 < len(token) <= MAX_TOKEN:
        raise KrpcError(Fault.PROTOCOL, transaction, "announce without a usable token")
    implied = arguments.get(b"implied_port") not in (None, 0)
    if isinstance(port, int) and 0 < port < 1 << 16:
        return AnnouncePeer(key, port, token, implied)
    if implied:
        return AnnouncePeer(key, 0, token, implied)
    raise KrpcError(Fault.PROTOCOL, transaction, "announce without a usable port")


def _read_answer(message: Mapping[bytes, Any], transaction: bytes) -> Answer:
    values = message.get(b"r")
    if not isinstance(values, dict) or not _is_id(values.get(b"id")):
        raise ProtocolError("KRPC answer without an id")
    token, asker = values.get(b"token"), message.get(b"ip")
    return Answer(
        transaction,
        values[b"id"],
        _read_nodes(values.get(b"nodes"), IPV4) + _read_nodes(values.get(b"nodes6"), IPV6),
        _read_peers(values.get(b"values")),
        token if isinstance(token, bytes) and 0 < len(token) <= MAX_TOKEN else None,
        unpack_address(asker) if isinstance(asker, bytes) and len(asker) in (IPV4, IPV6) else None,
    )


def _read_nodes(packed: Any, size: int) -> tuple[NodeInfo, ...]:
    if packed is None:
        return ()
    each = ID + size
    if not isinstance(packed, bytes) or len(packed) % each:
        raise ProtocolError("KRPC answer with malformed nodes")
    read = (packed[at : at + each] for at in range(0, min(len(packed), MAX_NODES * each), each))
    found = [NodeInfo(node[:ID], unpack_address(node[ID:])) for node in read]
    return tuple(node for node in found if node.address[1])


def _read_peers(values: Any) -> tuple[Address, ...]:
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ProtocolError("KRPC answer with malformed peers")
    usable = (value for value in values[:MAX_PEERS] if isinstance(value, bytes) and len(value) in (IPV4, IPV6))
    found = [unpack_address(value) for value in usable]
    return tuple(peer for peer in found if peer[1])


def _read_refusal(error: Any, transaction: bytes) -> Refusal:
    match error:
        case [int(code), bytes(text), *_]:
            return Refusal(transaction, code, text[:200].decode(errors="replace"))
    raise ProtocolError("malformed KRPC refusal")


def _id(arguments: Mapping[bytes, Any], name: bytes, transaction: bytes) -> bytes:
    value = arguments.get(name)
    if not isinstance(value, bytes) or len(value) != ID:
        raise KrpcError(Fault.PROTOCOL, transaction, f"query without a usable {name.decode()}")
    return value


def _is_id(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == ID
