"""The tracker's end of UDP (BEP 15). The rule: whoever has not shown that it receives at its address gets no more bytes
than it sent, so that nobody is flooded in somebody else's name; and nothing is remembered of those who asked."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import msgspec

from p2p_node.discovery.registry import Registry
from p2p_node.wire.address import IPV4, IPV6, Address, is_ipv6
from p2p_node.wire.announce import Announce, AnnounceReply
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.udp_tracker import (
    Answer,
    Connect,
    Connected,
    Refused,
    Request,
    Scrape,
    Scraped,
    decode_request,
    encode_answer,
)

PERIOD_S = 60.0
PERIODS = 3
"""An id is good for the period it was made in and the next two: at least the two minutes that BEP 15 asks for."""

MAX_DATAGRAM = 1232
"""Bytes of an answer that no path fragments: IPv6's smallest MTU less its headers."""

_HEAD = 20
"""Bytes of an announce's answer before the peers."""


class UdpServer:
    """Answers datagrams from a registry; `secret` makes connection ids unforgeable."""

    def __init__(self, registry: Registry, secret: bytes) -> None:
        self._registry = registry
        self._secret = secret
        self.asked: Counter[str] = Counter()
        """Questions that were heard: `connect`, `announce`, `scrape`."""

    def answer(self, data: bytes, source: Address, now: float) -> bytes | None:
        """The datagram to send back, if any."""
        try:
            request = decode_request(data)
        except ProtocolError:
            return None
        known = isinstance(request.question, Connect) or self.gave_out(request.connection, source, now)
        answer = self._answer(request, source, now) if known else Refused("connection id expired")
        if answer is None:
            return None
        reply = encode_answer(request.transaction, answer, is_ipv6(source[0]))
        return reply if known or len(reply) <= len(data) else None

    def gave_out(self, connection: int, source: Address, now: float) -> bool:
        """Whether this address was given the connection id not long ago, so that it has received it."""
        period = int(now // PERIOD_S)
        return any(connection == self._connection_id(source, period - age) for age in range(PERIODS))

    def _answer(self, request: Request, source: Address, now: float) -> Answer | None:
        match request.question:
            case Connect():
                self.asked["connect"] += 1
                return Connected(self._connection_id(source, int(now // PERIOD_S)))
            case Scrape(info_hashes):
                self.asked["scrape"] += 1
                return Scraped(tuple(self._registry.scrape(info_hashes).values()))
            case announce:
                self.asked["announce"] += 1
                return self._announce(announce, request.transaction, source, now)

    def _announce(self, announce: Announce, _transaction: int, source: Address, now: float) -> AnnounceReply | None:
        """The reply; None when it is to come later."""
        ipv6 = is_ipv6(source[0])
        return fitting(self._registry.announce(announce, source[0], now, ipv6), ipv6)

    def _connection_id(self, source: Address, period: int) -> int:
        named = f"{source[0]} {source[1]} {period}".encode()
        return int.from_bytes(blake2b(named, key=self._secret, digest_size=8).digest(), "big")


def fitting(reply: AnnounceReply, ipv6: bool) -> AnnounceReply:
    """The reply, with no more peers than one datagram of this family takes."""
    most = (MAX_DATAGRAM - _HEAD) // (IPV6 if ipv6 else IPV4)
    return reply if len(reply.peers) <= most else msgspec.structs.replace(reply, peers=reply.peers[:most])
