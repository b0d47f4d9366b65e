"""Proof that somebody receives at the address it sends from, before it is let in; nothing is remembered for it."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from p2p_node.wire.address import Address
from p2p_node.wire.gossip import COOKIE

PERIOD_S = 60.0
"""A cookie is good for the period it was made in, and the next; it is used at once."""


class Cookies:
    """Makes and knows a node's cookies: keyed hashes of an address and the time."""

    def __init__(self, rng: Random) -> None:
        self._secret = rng.randbytes(16)

    def make(self, address: Address, now: float) -> bytes:
        """The cookie for who is at this address."""
        return self._cookie(address, int(now // PERIOD_S))

    def known(self, cookie: bytes, address: Address, now: float) -> bool:
        """Whether this node gave the cookie to this address not long ago."""
        period = int(now // PERIOD_S)
        return cookie in (self._cookie(address, period), self._cookie(address, period - 1))

    def _cookie(self, address: Address, period: int) -> bytes:
        named = f"{address[0]} {address[1]} {period}".encode()
        return blake2b(named, key=self._secret, digest_size=COOKIE).digest()
