"""What others announced to this node: which peers have which torrent. Who does not announce again is forgotten.

The rule: no flood of announces takes more memory than the bounds below, or crowds out what is here already.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from p2p_node.discovery.base import Key
from p2p_node.wire.address import Address, pack_address

EXPIRES_S = 1800.0
"""How long an announce is believed; clients announce again every 5 to 15 minutes."""

MAX_ENTRIES = 10_000
MAX_PER_KEY = 500
MAX_PER_HOST = 200
"""Announces of one address: room for many peers behind one NAT, or many torrents of one, not for a flood."""

_PORT = 2


class PeerStore:
    """Peers by key, each in compact form."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._peers: dict[Key, dict[bytes, None]] = {}
        self._expires: dict[tuple[Key, bytes], float] = {}
        """Every announce, who announced longest ago first."""
        self._hosts: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return len(self._expires)

    def announce(self, key: Key, peer: Address, now: float) -> bool:
        """Remember a peer; False when there is no room for it."""
        self._forget_silent(now)
        packed = pack_address(peer)
        entry = key, packed
        if entry in self._expires:
            del self._expires[entry]  # it moves to the end
        elif self._has_room(key, packed):
            self._peers.setdefault(key, {})[packed] = None
            self._hosts[packed[:-_PORT]] += 1
        else:
            return False
        self._expires[entry] = now + EXPIRES_S
        return True

    def sample(self, key: Key, most: int, now: float) -> list[bytes]:
        """Peers of a key, chosen at random where there are more."""
        self._forget_silent(now)
        peers = list(self._peers.get(key, ()))
        return peers if len(peers) <= most else self._rng.sample(peers, most)

    def _has_room(self, key: Key, packed: bytes) -> bool:
        return (
            len(self._expires) < MAX_ENTRIES
            and len(self._peers.get(key, ())) < MAX_PER_KEY
            and self._hosts[packed[:-_PORT]] < MAX_PER_HOST
        )

    def _forget_silent(self, now: float) -> None:
        while self._expires:
            entry, expires = next(iter(self._expires.items()))
            if expires > now:
                return
            del self._expires[entry]
            self._remove(*entry)

    def _remove(self, key: Key, packed: bytes) -> None:
        peers, host = self._peers[key], packed[:-_PORT]
        del peers[packed]
        if not peers:
            del self._peers[key]
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
