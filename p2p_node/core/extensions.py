"""What both ends of a connection say by the extension protocol (BEP 10): greetings, and messages by number.

What a message means is not known here: each extension that is offered comes with what takes its payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from p2p_node.core.connection import Connection
from p2p_node.core.uploader import MAX_UPLOADS
from p2p_node.wire.extension import BY_OWN_NUMBER, HANDSHAKE_NUMBER, OWN_NUMBERS, Extension, ExtensionHandshake
from p2p_node.wire.messages import BLOCK, RUN, Extended, Message

VERSION = "swarmbench 0.1"

Taker: TypeAlias = Callable[[Connection, bytes, float], None]
"""Takes the payload of one extension's message; raises ProtocolError."""

Sender: TypeAlias = Callable[[Connection, Message, float], None]


class Extensions:
    """Greets peers with what this node offers, and remembers on each `Connection` what the peer said.

    `metadata_size` is None while this node has no metadata. `greeted` is called after each handshake of a peer.
    """

    def __init__(
        self,
        port: int,
        metadata_size: int | None,
        takers: Mapping[Extension, Taker],
        send: Sender,
        greeted: Callable[[Connection, float], None],
    ) -> None:
        self.upload_only = False
        """Whether peers are told, from their next greeting on, that this node wants nothing (BEP 21)."""
        self._port = port
        self._metadata_size = metadata_size
        self._takers = takers
        self._send = send
        self._greeted = greeted

    def greet(self, peer: Connection, now: float) -> None:
        """Say what is spoken here, to a peer that understands; also when that has changed."""
        if not peer.extended:
            return
        handshake = ExtensionHandshake(
            numbers={extension: OWN_NUMBERS[extension] for extension in self._takers},
            port=self._port or None,
            version=VERSION,
            reqq=MAX_UPLOADS,
            your_host=peer.address[0],
            metadata_size=self._metadata_size,
            upload_only=self.upload_only,
            run=RUN,
        )
        self._send(peer, Extended(HANDSHAKE_NUMBER, handshake.encode()), now)

    def received(self, peer: Connection, message: Extended, now: float) -> None:
        """An extension message came; raises ProtocolError. Numbers that were never offered are ignored."""
        if message.number == HANDSHAKE_NUMBER:
            self._on_handshake(peer, ExtensionHandshake.decode(message.payload))
            self._greeted(peer, now)
            return
        extension = BY_OWN_NUMBER.get(message.number)
        taker = self._takers.get(extension) if extension is not None else None
        if taker is not None:
            taker(peer, message.payload, now)

    def say(self, peer: Connection, extension: Extension, payload: bytes, now: float) -> None:
        """Send a message to a peer that speaks this extension."""
        self._send(peer, Extended(peer.numbers[extension], payload), now)

    def _on_handshake(self, peer: Connection, said: ExtensionHandshake) -> None:
        peer.numbers |= said.numbers
        for extension in [extension for extension, number in peer.numbers.items() if not number]:
            del peer.numbers[extension]
        if said.port is not None and not peer.outgoing:
            peer.listen_address = (peer.address[0], said.port)
        if said.reqq is not None:
            peer.reqq = said.reqq
        if said.metadata_size is not None:
            peer.metadata_size = said.metadata_size
        if said.run is not None:
            peer.run = max(min(said.run, RUN) // BLOCK, 1) * BLOCK
        if said.upload_only is not None:
            peer.upload_only = said.upload_only
