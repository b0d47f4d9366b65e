"""How long messages are on the wire: they cross the network as values, and are not encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from p2p_node.wire import handshake
from p2p_node.wire import messages as wire
from p2p_node.wire.handshake import Handshake

_HAVE = 9
_REQUEST = 17


def _range(message: wire.HashRange) -> int:
    return 53 if not isinstance(message, wire.Hashes) else 53 + len(message.hashes)


_SIZES: Mapping[type, Callable[[Any], int]] = {
    Handshake: lambda _: handshake.LENGTH,
    wire.KeepAlive: lambda _: 4,
    wire.Choke: lambda _: 5,
    wire.Unchoke: lambda _: 5,
    wire.Interested: lambda _: 5,
    wire.NotInterested: lambda _: 5,
    wire.HaveAll: lambda _: 5,
    wire.HaveNone: lambda _: 5,
    wire.Have: lambda _: _HAVE,
    wire.Haves: lambda message: _HAVE * len(message.pieces),
    wire.Suggest: lambda _: _HAVE,
    wire.AllowedFast: lambda _: _HAVE,
    wire.Bitfield: lambda message: 5 + len(message.bits),
    wire.Request: lambda _: _REQUEST,
    wire.Requests: lambda message: _REQUEST * message.count,
    wire.Cancel: lambda _: _REQUEST,
    wire.Reject: lambda _: _REQUEST,
    wire.Piece: lambda message: wire.PIECE_HEADER + len(message.data),
    wire.Blocks: lambda message: sum(wire.PIECE_HEADER + len(block) for block in message.blocks),
    wire.Port: lambda _: 7,
    wire.Extended: lambda message: 6 + len(message.payload),
    wire.HashRequest: _range,
    wire.HashReject: _range,
    wire.Hashes: _range,
}


def encoded_size(message: Handshake | wire.Message) -> int:
    """Bytes of the message as a frame, as `wire.messages.encode` makes it."""
    return _SIZES[type(message)](message)
