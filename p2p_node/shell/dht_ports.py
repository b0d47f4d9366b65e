"""PORT messages (BEP 5): hosts that share a torrent tell each other where their DHT nodes are.

They concern the host and not the torrent, whose core they pass by; nothing is remembered of them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from p2p_node.wire.address import Address
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Message, Port, encode


class DhtPorts:
    """Names this host's node, on this UDP port, and has others' `met`."""

    def __init__(self, port: int, meet: Callable[[Address], None]) -> None:
        self._frame = encode(Port(port))
        self._meet = meet

    def introduction(self, own: Handshake) -> Handshake:
        """This handshake, by a host that takes part in the DHT."""
        return msgspec.structs.replace(own, dht=True)

    def greeting(self, theirs: Handshake) -> bytes:
        """What is said to a peer that shook hands so, after our own handshake."""
        return self._frame if theirs.dht else b""

    def heard(self, peer: Address, messages: Sequence[Message]) -> None:
        """A peer at this address said this."""
        for message in messages:
            if isinstance(message, Port) and message.port:
                self._meet((peer[0], message.port))
