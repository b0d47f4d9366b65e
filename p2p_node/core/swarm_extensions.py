"""What a swarm does by extension messages: serves metadata, gossips about peers, and keeps up with what peers want.

A private torrent's peers are never gossiped about (BEP 27).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from p2p_node.boundary import ConnectionId
from p2p_node.core.connection import Connection
from p2p_node.core.extensions import Extensions, Sender, Taker
from p2p_node.core.metadata import MetadataServer
from p2p_node.core.peer_exchange import PeerExchange
from p2p_node.wire.announce import Address
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.extension import Extension
from p2p_node.wire.messages import Extended
from p2p_node.wire.metadata import MetadataRequest, decode_metadata, encode_metadata
from p2p_node.wire.metainfo import Metainfo


class SwarmExtensions:
    """The extension side of one swarm, which `wants` something or nothing (BEP 21). `lost` is called when a peer no
    longer has a piece (BEP 54)."""

    def __init__(
        self,
        metainfo: Metainfo,
        own: Address,
        connections: Mapping[ConnectionId, Connection],
        send: Sender,
        lost: Callable[[Connection, int, float], None],
        rng: Random,
        *,
        wants: bool,
    ) -> None:
        self._connections = connections
        self._lost = lost
        self._metadata = MetadataServer(metainfo.raw_info)
        self._exchange: PeerExchange | None = None
        takers: dict[Extension, Taker] = {
            Extension.METADATA: self._on_metadata,
            Extension.UPLOAD_ONLY: _on_upload_only,
            Extension.DONT_HAVE: self._on_dont_have,
        }
        self._extensions = Extensions(own[1], len(metainfo.raw_info), takers, send, self._greeted)
        self._extensions.upload_only = not wants
        if not metainfo.private:
            self._exchange = PeerExchange(own, connections, self._extensions.say, rng)
            takers[Extension.PEX] = self._exchange.received

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        return self._exchange.timer if self._exchange else None

    def joined(self, peer: Connection, now: float) -> None:
        """A peer has shaken hands."""
        self._extensions.greet(peer, now)
        if self._exchange is not None:
            self._exchange.joined(peer, now)

    def left(self, peer: Connection, now: float) -> None:
        """A peer is gone."""
        self._metadata.left(peer)
        if self._exchange is not None:
            self._exchange.left(peer, now)

    def received(self, peer: Connection, message: Extended, now: float) -> None:
        """An extension message came; raises ProtocolError."""
        self._extensions.received(peer, message, now)

    def wants_nothing(self, now: float) -> None:
        """This node is complete now: say so to everybody (BEP 21)."""
        if self._extensions.upload_only:
            return
        self._extensions.upload_only = True
        for peer in self._connections.values():
            if Extension.UPLOAD_ONLY in peer.numbers:
                self._extensions.say(peer, Extension.UPLOAD_ONLY, b"\x01", now)
            elif peer.numbers:
                self._extensions.greet(peer, now)

    def tick(self, now: float) -> None:
        """The timer came due."""
        if self._exchange is not None:
            self._exchange.tick(now)

    def take_found(self) -> dict[Address, bool]:
        """The addresses that peers told of since the last call, and whether they are said to be seeds."""
        return self._exchange.take_found() if self._exchange and self._exchange.found else {}

    def _greeted(self, peer: Connection, now: float) -> None:
        if self._exchange is not None:
            self._exchange.joined(peer, now)

    def _on_metadata(self, peer: Connection, payload: bytes, now: float) -> None:
        message = decode_metadata(payload)
        if isinstance(message, MetadataRequest) and Extension.METADATA in peer.numbers:
            answer = self._metadata.answer(peer, message, now)
            self._extensions.say(peer, Extension.METADATA, encode_metadata(answer), now)

    def _on_dont_have(self, peer: Connection, payload: bytes, now: float) -> None:
        if len(payload) != 4:
            raise ProtocolError(f"lt_donthave of {len(payload)} bytes")
        self._lost(peer, int.from_bytes(payload, "big"), now)


def _on_upload_only(peer: Connection, payload: bytes, _now: float) -> None:
    if len(payload) != 1:
        raise ProtocolError(f"upload_only of {len(payload)} bytes")
    peer.upload_only = payload != b"\0"
