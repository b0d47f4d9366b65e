"""Tokens: proof that whoever announces was asked back at its address, remembered nowhere (BEP 5)."""

from __future__ import annotations

from hashlib import blake2b

PERIOD_S = 300.0
"""A token is good for the period it was given in and for the next: five to ten minutes."""

_SIZE = 8


class Tokens:
    """Gives out tokens, and knows them again; `secret` makes them unforgeable."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def give(self, host: str, now: float) -> bytes:
        """The token for whoever is at this address."""
        return self._token(host, int(now // PERIOD_S))

    def accepts(self, token: bytes, host: str, now: float) -> bool:
        """Whether this address was given this token not long ago."""
        period = int(now // PERIOD_S)
        return token in (self._token(host, period), self._token(host, period - 1))

    def _token(self, host: str, period: int) -> bytes:
        return blake2b(f"{host} {period}".encode(), key=self._secret, digest_size=_SIZE).digest()
