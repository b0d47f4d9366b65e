"""The handshake: 68 bytes that open every connection (BEP 3), with the reserved bits of BEP 5, 6, 10 and 52."""

from __future__ import annotations

import msgspec

from p2p_node.wire.errors import ProtocolError

PROTOCOL = b"\x13BitTorrent protocol"
LENGTH = 68

_EXTENSION_BYTE, _EXTENSION_BIT = 5, 0x10  # BEP 10
_DHT_BYTE, _DHT_BIT = 7, 0x01  # BEP 5
_FAST_BYTE, _FAST_BIT = 7, 0x04  # BEP 6
_V2_BYTE, _V2_BIT = 7, 0x10  # BEP 52


class Handshake(msgspec.Struct, frozen=True):
    """Which torrent a connection is for, who speaks, and what they can do."""

    info_hash: bytes
    peer_id: bytes
    fast: bool = True
    extensions: bool = True
    v2: bool = False
    """Whether a connection of a hybrid torrent's v1 swarm may be answered with the v2 info hash (BEP 52)."""
    dht: bool = False
    """Whether the sender's host takes part in the DHT and wants to hear of others' nodes by PORT messages."""

    def encode(self) -> bytes:
        """The 68 bytes to send."""
        reserved = bytearray(8)
        if self.extensions:
            reserved[_EXTENSION_BYTE] |= _EXTENSION_BIT
        if self.fast:
            reserved[_FAST_BYTE] |= _FAST_BIT
        if self.v2:
            reserved[_V2_BYTE] |= _V2_BIT
        if self.dht:
            reserved[_DHT_BYTE] |= _DHT_BIT
        return PROTOCOL + reserved + self.info_hash + self.peer_id

    @classmethod
    def decode(cls, data: bytes) -> Handshake:
        """Read 68 bytes; raises ProtocolError."""
        check_prefix(data)
        if len(data) != LENGTH:
            raise ProtocolError("handshake has the wrong length")
        reserved = data[20:28]
        return cls(
            info_hash=data[28:48],
            peer_id=data[48:68],
            fast=bool(reserved[_FAST_BYTE] & _FAST_BIT),
            extensions=bool(reserved[_EXTENSION_BYTE] & _EXTENSION_BIT),
            v2=bool(reserved[_V2_BYTE] & _V2_BIT),
            dht=bool(reserved[_DHT_BYTE] & _DHT_BIT),
        )


def check_prefix(data: bytes) -> None:
    """Raise ProtocolError as soon as the first bytes cannot become a handshake.

    Clients that dial with encryption first redial in plain text when they are refused at once, so this must not wait
    for 68 bytes.
    """
    if not PROTOCOL.startswith(data[: len(PROTOCOL)]):
        raise ProtocolError("not a BitTorrent handshake (encrypted or another protocol)")
