"""A host: an address with an uplink and a downlink, who listens there, and what can become of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from harness.labs.simulated.links import Downlink, Flow, Uplink
from p2p_node.wire.address import Address

if TYPE_CHECKING:
    from harness.labs.simulated.network import Network
    from harness.labs.simulated.streams import Stream

DATAGRAM_HEADERS = 42
"""Bytes of Ethernet, IP and UDP."""


class State(Enum):
    """What has become of a host: it works; its programs stand still while its kernel goes on; it is not there."""

    UP = auto()
    FROZEN = auto()
    GONE = auto()


class Host:
    """Made by `Network.add_host`. `address` is its IP address; rates are bytes per second on the wire."""

    def __init__(self, network: Network, address: str, up: float, down: float) -> None:
        self.network = network
        self.address = address
        self.uplink = Uplink(network.clock, up)
        self.downlink = Downlink(down)
        self.state = State.UP
        self.streams: dict[int, Stream] = {}
        """By number, those whose owner has not heard of their end."""
        self.accepts: dict[int, Callable[[Stream], None]] = {}
        """By port, who takes connections."""
        self.hears: dict[int, Callable[[Address, bytes], None]] = {}
        """By port, who takes datagrams."""
        self.datagrams = Flow()
        self._last_number = 0
        self._last_port = 49151
        self._to_do: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def dial(self, address: Address, opened: Callable[[Stream], None], failed: Callable[[], None]) -> None:
        """Connect to an address; answered by one of the two. `failed` is called soon when the connection is refused,
        and late when nobody answers."""
        self.network.dial(self, address, opened, failed)

    def send_datagram(self, port: int, to: Address, data: bytes) -> None:
        """Send this from a port of this host."""
        size = len(data) + DATAGRAM_HEADERS
        self.uplink.carry(self.datagrams, size, self.network.datagram_left, self, port, to, data)

    def next_number(self) -> int:
        """A number that no stream of this host has had."""
        self._last_number += 1
        return self._last_number

    def next_port(self) -> int:
        """A port to dial from."""
        self._last_port = self._last_port + 1 if self._last_port < 65535 else 49152
        return self._last_port

    def do(self, action: Callable[..., None], *args: Any) -> None:
        """Let a program of this host act: now, or when it thaws, or never."""
        if self.state is State.UP:
            action(*args)
        elif self.state is State.FROZEN:
            self._to_do.append((action, args))

    # What can become of it

    def die(self) -> None:
        """Every program ends abruptly: connections are reset, and nobody takes new ones."""
        self.accepts.clear()
        self.hears.clear()
        self._to_do.clear()
        for stream in list(self.streams.values()):
            stream.reset()

    def vanish(self) -> None:
        """The power fails, or the cable: nobody is told, and nothing answers."""
        self.state = State.GONE
        self._to_do.clear()

    def freeze(self) -> None:
        """Programs stand still; connections are accepted and what comes is acknowledged, but nothing is answered."""
        if self.state is State.UP:
            self.state = State.FROZEN

    def thaw(self) -> None:
        """Programs go on, with what came meanwhile first."""
        if self.state is State.FROZEN:
            self.state = State.UP
            to_do, self._to_do = self._to_do, []
            for action, args in to_do:
                action(*args)


def address_of(number: int) -> str:
    """The address of the nth host of a network, from 1."""
    return f"10.1.{number >> 8}.{number & 255}"
