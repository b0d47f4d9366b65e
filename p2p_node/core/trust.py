"""Whom to believe: finds the peer that sends wrong pieces among those that contributed to one.

A peer that sent all of a wrong piece is banned. When several did, each is put on parole: it gets pieces of its own,
which no one else contributes to, until one of them verifies – or fails, and then the liar is known. (libtorrent calls
this parole mode; the idea is Azureus'.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from p2p_node.wire.announce import Address

LIARS_PER_HOST = 3
"""Banned peers on one host after which the host is banned whatever its port; several peers may share a host."""


class Trust:
    """The banned, and those on parole."""

    def __init__(self) -> None:
        self._banned: set[Address] = set()
        self._liars: Counter[str] = Counter()
        self._parole: set[Address] = set()

    def is_banned(self, address: Address) -> bool:
        """Whether nothing is wanted from this peer any more."""
        return address in self._banned or self._liars[address[0]] >= LIARS_PER_HOST

    def on_parole(self, address: Address) -> bool:
        """Whether this peer's pieces must be its alone."""
        return address in self._parole

    def verified(self, contributors: Collection[Address]) -> None:
        """A piece was right; who sent it alone has proved itself."""
        if len(contributors) == 1:
            self._parole.difference_update(contributors)

    def failed(self, contributors: Collection[Address]) -> Address | None:
        """A piece was wrong; returns the liar, now banned, if it is known."""
        if len(contributors) > 1:
            self._parole.update(contributors)
            return None
        liar = next(iter(contributors))
        self.ban(liar)
        return liar

    def ban(self, liar: Address) -> None:
        """This peer is known to send what is wrong."""
        self._banned.add(liar)
        self._parole.discard(liar)
        self._liars[liar[0]] += 1
