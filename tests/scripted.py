"""One real core and any number of peers after a script, in virtual time."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from network import make_torrent

from p2p_node.boundary import Effect, Send
from p2p_node.core.metadata_node import MetadataNode
from p2p_node.core.node import Node
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.announce import Address
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import Extended, Message

_E = TypeVar("_E")


class ScriptedPeers:
    """A node of `content` – it has none of it, or all – or, with a magnet, one that looks for the metadata."""

    def __init__(
        self, content: bytes, complete: bool = False, magnet: Magnet | None = None, piece_length: int = 16384
    ) -> None:
        self.metainfo = make_torrent(content, piece_length, ())
        self.address: Address = ("10.0.0.1", 6881)
        self.now = 0.0
        self.node: Node | MetadataNode
        own_id, rng = b"-SB0100-own-own-own-", Random(1)
        if magnet is not None:
            self.node = MetadataNode(magnet, own_id, self.address, rng, 0.0)
        else:
            have = (1 << self.metainfo.piece_count) - 1 if complete else 0
            settings = SwarmSettings(thrifty_seed=False)
            self.node = Node(self.metainfo, own_id, self.address, have, settings, rng, 0.0)
        self.effects: list[Effect] = []

    def connect(self, connection: int, host: str, fast: bool = True) -> None:
        """A peer dials in and shakes hands."""
        self.node.connected(connection, (host, 50000 + connection), False, self.now)
        shake = Handshake(self.metainfo.info_hash, b"-XX0000-%012d" % connection, fast=fast)
        self.node.shaken_hands(connection, shake, self.now)
        self._collect()

    def disconnect(self, connection: int) -> None:
        self.node.disconnected(connection, self.now)
        self._collect()

    def say(self, connection: int, *said: Message) -> None:
        self.node.received(connection, said, self.now)
        self._collect()

    def tick(self, now: float) -> None:
        self.now = now
        self.node.tick(now)
        self._collect()

    def live(self, until: float) -> None:
        """Let time pass, told whenever the node wants to know it: it is late nowhere."""
        while (due := max(self.node.timer, self.now)) < until:
            self.tick(due)
        self.tick(until)

    def take(self, kind: type[_E]) -> list[_E]:
        """The effects of this kind since it was last asked for."""
        taken = [effect for effect in self.effects if isinstance(effect, kind)]
        self.effects = [effect for effect in self.effects if not isinstance(effect, kind)]
        return taken

    def extended(self, connection: int) -> list[Extended]:
        """The extension messages sent on this connection since they were last asked for."""
        mine = [e for e in self.effects if isinstance(e, Send) and e.connection == connection]
        self.effects = [effect for effect in self.effects if effect not in mine]
        return [effect.message for effect in mine if isinstance(effect.message, Extended)]

    def _collect(self) -> None:
        self.effects += self.node.take_effects()
