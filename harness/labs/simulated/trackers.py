"""A tracker on a host, over HTTP and UDP, and how peers ask one over HTTP.

A request and its answer are one stream each way, as with the real ones, which close the connection after the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlsplit

from harness.labs.simulated.hosts import Host
from harness.labs.simulated.streams import Stream
from p2p_node.discovery.registry import Registry
from p2p_node.discovery.udp_server import UdpServer
from p2p_node.wire.address import Address
from p2p_node.wire.announce import decode_announce, encode_failure, encode_reply
from p2p_node.wire.errors import ProtocolError

TRACKER_PORT = 6969
INTERVAL_S = 60.0
ANNOUNCE_S = 15.0
"""A tracker that takes longer is taken to be down, as the node's shell has it."""

REQUEST_HEAD = 120
RESPONSE_HEAD = 150
"""Bytes of HTTP around a URL, and around a body."""


class Tracker:
    """Answers announces from a registry until its host dies, or `stop`."""

    def __init__(self, host: Host, rng: Random, port: int = TRACKER_PORT, interval_s: float = INTERVAL_S) -> None:
        self.host = host
        self.port = port
        self.registry = Registry(interval_s, rng)
        self._udp = UdpServer(self.registry, rng.randbytes(32))
        host.accepts[port] = self._accept
        host.hears[port] = self._hear

    @property
    def url(self) -> str:
        """Where it is announced to over HTTP."""
        return f"http://{self.host.address}:{self.port}/announce"

    def stop(self) -> None:
        """Answer no more."""
        self.host.accepts.pop(self.port, None)
        self.host.hears.pop(self.port, None)

    def received(self, stream: Stream, url: str, _size: int) -> None:
        """An announce over HTTP."""
        try:
            announce = decode_announce(urlsplit(url).query)
        except ProtocolError as error:
            reply = encode_failure(str(error))
        else:
            now = self.host.network.clock.now
            reply = encode_reply(self.registry.announce(announce, stream.address[0], now))
        stream.write(reply, RESPONSE_HEAD + len(reply))
        stream.close()

    def lost(self, stream: Stream) -> None:
        """A client has gone."""

    def _accept(self, stream: Stream) -> None:
        stream.owner = self

    def _hear(self, source: Address, data: bytes) -> None:
        answer = self._udp.answer(data, source, self.host.network.clock.now)
        if answer is not None:
            self.host.send_datagram(self.port, source, answer)


class Inquiry:
    """One announce over HTTP; `answered` gets what came back, None if nothing does."""

    def __init__(self, host: Host, url: str, answered: Callable[[bytes | None], None]) -> None:
        self._host = host
        self._url = url
        self._answered: Callable[[bytes | None], None] | None = answered
        self._stream: Stream | None = None
        parts = urlsplit(url)
        clock = host.network.clock
        clock.at(clock.now + ANNOUNCE_S, host.do, self._end, None)
        host.dial((parts.hostname or "", parts.port or 80), self._opened, self._fail)

    def received(self, _stream: Stream, reply: Any, _size: int) -> None:
        """The tracker's answer."""
        self._end(reply)

    def lost(self, _stream: Stream) -> None:
        """The tracker has hung up."""
        self._end(None)

    def _opened(self, stream: Stream) -> None:
        stream.owner = self
        self._stream = stream
        if self._answered is None:
            stream.close()
            return
        stream.write(self._url, REQUEST_HEAD + len(self._url))

    def _fail(self) -> None:
        self._end(None)

    def _end(self, reply: bytes | None) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            if self._stream is not None:
                self._stream.close()
            answered(reply)
